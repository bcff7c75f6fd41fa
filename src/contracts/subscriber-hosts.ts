import { z } from 'zod';
import { isLoopback, splitList } from './env-values.ts';

const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const NAME = new RegExp(`^${LABEL}(?:\\.${LABEL})+$`);
const MAX_NAME_CHARACTERS = 253;
const WILDCARD = '*.';

/**
 * The normal form of a host for comparisons: lower case, punycode, without a trailing dot.
 * @returns undefined if it is not a host name with at least two labels (an address, `intranet`, `a..b`) nor the loopback
 */
export function normalHost(hostname: string): string | undefined {
  // Other characters could make the URL parser read a path, a port or credentials, or drop a line break.
  if (!isLoopback(hostname) && !/^[^\s/\\:@?#%"'`]+$/.test(hostname)) return undefined;
  const host = URL.parse(`https://${hostname}`)?.hostname.replace(/\.$/, '') ?? '';
  const isName = host.length <= MAX_NAME_CHARACTERS && NAME.test(host) && !/\.\d+$/.test(host);
  return isLoopback(host) || isName ? host : undefined;
}

/** One entry of SUBSCRIBER_HOSTS in normal form; undefined: malformed. */
function entryOf(part: string): string | undefined {
  if (!part.startsWith(WILDCARD)) return normalHost(part);
  const host = normalHost(part.slice(WILDCARD.length));
  // `*.localhost` is not a host, and `*.com` would admit everybody.
  return host === undefined || isLoopback(host) ? undefined : `${WILDCARD}${host}`;
}

/**
 * SUBSCRIBER_HOSTS: host names separated by spaces. `hooks.example.org` matches itself; `*.example.org` matches every host
 * below `example.org`, but not `example.org`.
 */
export const subscriberHosts = z.string().transform((value, context) => {
  const entries = splitList(value).map(entryOf);
  const hosts = entries.filter((entry) => entry !== undefined);
  if (hosts.length === entries.length) return hosts;
  context.addIssue({
    code: 'custom',
    message:
      'must be host names separated by spaces, such as hooks.example.org, or *.example.org for every host below it: no scheme, port, path or IP address',
  });
  return z.NEVER;
});

/** Whether subscribers may be on this machine: only if SUBSCRIBER_HOSTS lists it, as in the local system. */
export function allowsLoopback(hosts: readonly string[]): boolean {
  return hosts.some(isLoopback);
}

/** @param host in normal form */
export function isListedHost(hosts: readonly string[], host: string): boolean {
  return hosts.some((entry) =>
    entry.startsWith(WILDCARD) ? host.endsWith(entry.slice(1)) && !isLoopback(host) : host === entry,
  );
}
