import { BlockList } from 'node:net';
import { expect, it } from 'vitest';
import {
  isLoopbackAddress,
  isPublicAddress,
} from '../../../../src/server/deliver/subscribers/public-address.ts';

/** The last address before a range, its first and last address, and the first one after it. */
const IPV4 = [
  ['', '0.0.0.0', '0.255.255.255', '1.0.0.0'],
  ['9.255.255.255', '10.0.0.0', '10.255.255.255', '11.0.0.0'],
  ['100.63.255.255', '100.64.0.0', '100.127.255.255', '100.128.0.0'],
  ['126.255.255.255', '127.0.0.0', '127.255.255.255', '128.0.0.0'],
  ['168.63.129.15', '168.63.129.16', '168.63.129.16', '168.63.129.17'],
  ['169.253.255.255', '169.254.0.0', '169.254.255.255', '169.255.0.0'],
  ['172.15.255.255', '172.16.0.0', '172.31.255.255', '172.32.0.0'],
  ['191.255.255.255', '192.0.0.0', '192.0.0.255', '192.0.1.0'],
  ['192.0.1.255', '192.0.2.0', '192.0.2.255', '192.0.3.0'],
  ['192.31.195.255', '192.31.196.0', '192.31.196.255', '192.31.197.0'],
  ['192.52.192.255', '192.52.193.0', '192.52.193.255', '192.52.194.0'],
  ['192.88.98.255', '192.88.99.0', '192.88.99.255', '192.88.100.0'],
  ['192.167.255.255', '192.168.0.0', '192.168.255.255', '192.169.0.0'],
  ['192.175.47.255', '192.175.48.0', '192.175.48.255', '192.175.49.0'],
  ['198.17.255.255', '198.18.0.0', '198.19.255.255', '198.20.0.0'],
  ['198.51.99.255', '198.51.100.0', '198.51.100.255', '198.51.101.0'],
  ['203.0.112.255', '203.0.113.0', '203.0.113.255', '203.0.114.0'],
  ['223.255.255.255', '224.0.0.0', '255.255.255.255', ''],
];

const END = 'ffff:ffff:ffff';
const IPV6 = [
  ['', '::', `1fff:ffff:ffff:ffff:ffff:${END}`, '2000::'],
  [`2000:ffff:ffff:ffff:ffff:${END}`, '2001::', `2001:1ff:ffff:ffff:ffff:${END}`, '2001:200::'],
  [`2001:db7:ffff:ffff:ffff:${END}`, '2001:db8::', `2001:db8:ffff:ffff:ffff:${END}`, '2001:db9::'],
  [`2001:ffff:ffff:ffff:ffff:${END}`, '2002::', `2002:ffff:ffff:ffff:ffff:${END}`, '2003::'],
  [`2620:4f:7fff:ffff:ffff:${END}`, '2620:4f:8000::', `2620:4f:8000:ffff:ffff:${END}`, '2620:4f:8001::'],
  [`3ffd:ffff:ffff:ffff:ffff:${END}`, '3ffe::', `3fff:fff:ffff:ffff:ffff:${END}`, '3fff:1000::'],
  [`3fff:ffff:ffff:ffff:ffff:${END}`, '4000::', `ffff:ffff:ffff:ffff:ffff:${END}`, ''],
];

it.each([...IPV4, ...IPV6])('%s is public, %s to %s are not, %s is', (before, first, last, after) => {
  const outside = [before, after].filter((address) => address !== '');
  expect(outside.map((address) => `${address} ${isPublicAddress(address)}`)).toEqual(
    outside.map((address) => `${address} true`),
  );
  expect([first, last].map((address) => isPublicAddress(address))).toEqual([false, false]);
});

it('is asked in any spelling of an IPv6 address', () => {
  const spellings = [
    '2001:0DB8:0:0:0:0:0:1',
    '::FFFF:8.8.8.8',
    '::ffff:808:808',
    '0::1',
    'fe80::1',
    'FF02::1',
  ];
  expect(spellings.filter((address) => isPublicAddress(address))).toEqual([]);
  expect(isPublicAddress('2606:4700:0:0:0:0:93.184.216.34')).toBe(true);
});

it('is no address that only looks like one', () => {
  const others = [
    '',
    '127.1',
    '0x7f.0.0.1',
    '8.8.8.8 ',
    '08.8.8.8',
    '8.8.8.8:443',
    '[2606:4700::1]',
    'localhost',
  ];
  expect(others.filter((address) => isPublicAddress(address) || isLoopbackAddress(address))).toEqual([]);
});

it('tells this machine by its usual addresses alone', () => {
  expect(['127.0.0.1', '127.255.255.255', '::1'].map(isLoopbackAddress)).toEqual([true, true, true]);
  const others = ['0.0.0.0', '::', '::ffff:127.0.0.1', '128.0.0.1', '0:0:0:0:0:0:0:1', '10.0.0.1'];
  expect(others.filter(isLoopbackAddress)).toEqual([]);
});

it('needs a list for each family: one list blocks all of IPv4 with ::/3', () => {
  const both = new BlockList();
  both.addSubnet('::', 3, 'ipv6');
  expect(both.check('8.8.8.8', 'ipv4')).toBe(true);
});
