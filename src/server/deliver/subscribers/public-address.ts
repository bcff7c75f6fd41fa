import { BlockList, isIP } from 'node:net';

/**
 * IPv4 ranges that are not public unicast (IANA, "IPv4 Special-Purpose Address Registry"), and the one public address at
 * which a cloud serves credentials to its machines.
 */
const BLOCKED_IPV4 = [
  ['0.0.0.0', 8], // this network
  ['10.0.0.0', 8], // private
  ['100.64.0.0', 10], // shared by customers of a provider (CGNAT); 100.100.100.200 is Alibaba Cloud's metadata
  ['127.0.0.0', 8], // loopback
  ['168.63.129.16', 32], // Azure's metadata
  ['169.254.0.0', 16], // link-local; 169.254.169.254 is the metadata of most clouds
  ['172.16.0.0', 12], // private
  ['192.0.0.0', 24], // protocol assignments; 192.0.0.192 is Oracle Cloud's metadata
  ['192.0.2.0', 24], // documentation
  ['192.31.196.0', 24], // AS112
  ['192.52.193.0', 24], // AMT
  ['192.88.99.0', 24], // 6to4 relays
  ['192.168.0.0', 16], // private
  ['192.175.48.0', 24], // AS112
  ['198.18.0.0', 15], // benchmarking
  ['198.51.100.0', 24], // documentation
  ['203.0.113.0', 24], // documentation
  ['224.0.0.0', 4], // multicast
  ['240.0.0.0', 4], // reserved, and the broadcast address
] as const;

/**
 * All of IPv6 except 2000::/3, the only range of public unicast addresses (RFC 4291), and the special ranges within it. So
 * loopback, IPv4-mapped and -compatible, NAT64 (64:ff9b::/96, 64:ff9b:1::/48), discard, unique local (with Amazon's metadata,
 * fd00:ec2::254), link-local, site-local and multicast addresses are blocked too.
 */
const BLOCKED_IPV6 = [
  ['::', 3],
  ['4000::', 2],
  ['8000::', 1],
  ['2001::', 23], // protocol assignments: Teredo, benchmarking, ORCHID
  ['2001:db8::', 32], // documentation
  ['2002::', 16], // 6to4: leads to any IPv4 address
  ['2620:4f:8000::', 48], // AS112
  ['3ffe::', 16], // the former 6bone
  ['3fff::', 20], // documentation
] as const;

// One list per family: a block list also compares IPv4 addresses with IPv6 ranges, and `::/3` would contain all of them.
const ipv4 = new BlockList();
for (const [network, prefix] of BLOCKED_IPV4) ipv4.addSubnet(network, prefix, 'ipv4');
const ipv6 = new BlockList();
for (const [network, prefix] of BLOCKED_IPV6) ipv6.addSubnet(network, prefix, 'ipv6');
const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
const LOOPBACK_IPV6 = '::1';

/** Whether an IP address is on the public internet. False for anything else, such as an address with a zone. */
export function isPublicAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !ipv4.check(address, 'ipv4');
    case 6:
      return !address.includes('%') && !ipv6.check(address, 'ipv6');
    default:
      return false;
  }
}

/** Whether an IP address, in its usual spelling, is this machine. */
export function isLoopbackAddress(address: string): boolean {
  return address === LOOPBACK_IPV6 || (isIP(address) === 4 && loopback.check(address, 'ipv4'));
}
