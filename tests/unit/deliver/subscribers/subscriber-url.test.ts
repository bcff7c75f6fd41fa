import { describe, expect, it } from 'vitest';
import { isListedHost, normalHost, subscriberHosts } from '../../../../src/contracts/subscriber-hosts.ts';
import {
  MAX_SUBSCRIBER_URL_CHARACTERS,
  readSubscriberUrl,
} from '../../../../src/server/deliver/subscribers/subscriber-url.ts';

const rules = {
  hosts: subscriberHosts.parse('hooks.example.org *.partner.example bücher.example polaris.example.com'),
  ownAddresses: ['https://polaris.example.com/api/webhooks', 'https://abc.supabase.co'],
};

describe('SUBSCRIBER_HOSTS', () => {
  it('is read into one spelling of each host', () => {
    expect(subscriberHosts.parse('Hooks.Example.ORG *.Partner.example. bücher.example localhost')).toEqual([
      'hooks.example.org',
      '*.partner.example',
      'xn--bcher-kva.example',
      'localhost',
    ]);
  });

  it.each([
    ['a scheme', 'https://hooks.example.org'],
    ['a port', 'hooks.example.org:8443'],
    ['a path', 'hooks.example.org/polaris'],
    ['credentials', 'me@hooks.example.org'],
    ['everybody', '*'],
    ['everybody below a top-level domain', '*.com'],
    ['an asterisk in the middle', 'hooks.*.org'],
    ['an asterisk without a dot', '*example.org'],
    ['one label', 'intranet'],
    ['an IPv4 address', '8.8.8.8'],
    ['an IPv4 address in disguise', '0x8.8'],
    ['an IPv6 address', '[2606:4700::1111]'],
    ['below the loopback', '*.localhost'],
    ['an empty label', 'a..example.org'],
    ['quotes', '"hooks.example.org"'],
    ['a line break', 'hooks.example.org\nother.example'],
    ['percent encoding', '%68ooks.example.org'],
    ['a comma', 'a.example,b.example'],
    ['a name that is too long', `${'a'.repeat(63)}.`.repeat(4) + 'example'],
    ['a label that is too long', `${'a'.repeat(64)}.example`],
  ])('refuses %s', (_name, value) => {
    const parsed = subscriberHosts.safeParse(value);
    expect(parsed.error?.issues.map(({ message }) => message)).toEqual([
      expect.stringContaining('must be host names separated by spaces') as string,
    ]);
  });

  it.each([
    ['hooks.example.org', 'hooks.example.org', true],
    ['hooks.example.org', 'a.hooks.example.org', false],
    ['hooks.example.org', 'ooks.example.org', false],
    ['*.example.org', 'a.example.org', true],
    ['*.example.org', 'a.b.example.org', true],
    ['*.example.org', 'example.org', false],
    ['*.example.org', 'evilexample.org', false],
    ['*.example.org', 'a.example.org.evil.example', false],
  ])('%s stands for %s: %s', (entry, host, expected) => {
    expect(isListedHost(subscriberHosts.parse(entry), host)).toBe(expected);
  });
});

describe('the URL of a subscriber', () => {
  it.each([
    ['https://hooks.example.org', 'https://hooks.example.org/'],
    ['https://hooks.example.org/polaris?token=1&x=', 'https://hooks.example.org/polaris?token=1&x='],
    ['https://hooks.example.org:443/x', 'https://hooks.example.org/x'],
    ['https://hooks.example.org:8443/x', 'https://hooks.example.org:8443/x'],
    ['HTTPS://HOOKS.Example.Org./x', 'https://hooks.example.org/x'],
    ['https://eu.partner.example/x', 'https://eu.partner.example/x'],
    ['https://bücher.example/käse', 'https://xn--bcher-kva.example/k%C3%A4se'],
    ['https://hooks。example。org/x', 'https://hooks.example.org/x'],
  ])('%s is called as %s', (text, called) => {
    const read = readSubscriberUrl(rules, text);
    expect(read.ok ? read.url.href : read.fault).toBe(called);
  });

  const MALFORMED = 'must be an address such as https://hooks.example.org/polaris';
  const UNLISTED = 'has a host that SUBSCRIBER_HOSTS does not list: add it there and deploy again';
  const NO_NAME = 'must have the name of a public host, not an IP address';
  const CREDENTIALS = 'must not contain a user name or a password: requests are signed instead';
  const PORT = 'must have the port 443, or one of 1024 to 65535 that is not of another protocol';
  it.each([
    ['hooks.example.org/x', MALFORMED],
    ['', MALFORMED],
    ['https:hooks.example.org', MALFORMED],
    ['https:///hooks.example.org', MALFORMED],
    ['https:\\\\hooks.example.org', MALFORMED],
    ['https://hooks.example.org\\@evil.example/', MALFORMED],
    ['https://hooks.exam\nple.org/', MALFORMED],
    [' https://hooks.example.org/', MALFORMED],
    ['https://hooks.example.org/\u0000', MALFORMED],
    ['https://hooks.example.org:99999/', MALFORMED],
    ['ftp://hooks.example.org/', 'must begin with https://'],
    ['file:///etc/passwd', MALFORMED],
    [
      'http://hooks.example.org/',
      'must begin with https://: http would show results to everybody in between',
    ],
    ['https://user:sesame@hooks.example.org/', CREDENTIALS],
    ['https://hooks.example.org@evil.example/', CREDENTIALS],
    ['https://hooks.example.org/#x', 'must not contain a fragment (#): it is never sent'],
    ['https://hooks.example.org/#', 'must not contain a fragment (#): it is never sent'],
    ['https://evil.example/', UNLISTED],
    ['https://partner.example/', UNLISTED],
    ['https://evilpartner.example/', UNLISTED],
    ['https://a..partner.example/', NO_NAME],
    ['https://hooks.example.org../', NO_NAME],
    ['https://localhost/', UNLISTED],
    ['http://localhost:3000/', UNLISTED],
    ['https://127.0.0.1/', UNLISTED],
    ['https://8.8.8.8/', NO_NAME],
    ['https://0x7f.1/', UNLISTED],
    ['https://[::1]/', UNLISTED],
    ['https://[2606:4700::1111]/', NO_NAME],
    ['https://intranet/', NO_NAME],
    [
      'https://polaris.example.com/api',
      'is an address of this deployment: a subscriber must be another system',
    ],
    [
      'https://POLARIS.example.com.:8443/',
      'is an address of this deployment: a subscriber must be another system',
    ],
    ['https://hooks.example.org:22/', PORT],
    ['https://hooks.example.org:80/', PORT],
    ['https://hooks.example.org:0/', PORT],
    ['https://hooks.example.org:6667/', PORT],
    [
      `https://hooks.example.org/${'a'.repeat(2000)}`,
      `must have at most ${MAX_SUBSCRIBER_URL_CHARACTERS} characters`,
    ],
  ])('%s is refused', (text, fault) => {
    expect(readSubscriberUrl(rules, text)).toEqual({ ok: false, fault });
  });

  it('may be on this machine, also with http, where SUBSCRIBER_HOSTS names it: on another port than our own', () => {
    const local = {
      hosts: subscriberHosts.parse('localhost 127.0.0.1 [::1]'),
      ownAddresses: ['http://localhost:3000/api/webhooks', 'http://127.0.0.1:54321'],
    };
    const asked = (text: string) => readSubscriberUrl(local, text).ok;
    for (const text of ['http://localhost:4000/', 'http://127.0.0.1:4000/', 'https://[::1]:4000/']) {
      expect(`${text} ${asked(text)}`).toBe(`${text} true`);
    }
    for (const text of ['http://localhost:3000/', 'http://127.0.0.1:54321/', 'http://127.0.0.2:4000/']) {
      expect(`${text} ${asked(text)}`).toBe(`${text} false`);
    }
  });

  it('has a host in one spelling', () => {
    expect(['A.Example.', 'a.example', '127.1', 'x', 'a b.example'].map(normalHost)).toEqual([
      'a.example',
      'a.example',
      '127.0.0.1',
      undefined,
      undefined,
    ]);
  });
});
