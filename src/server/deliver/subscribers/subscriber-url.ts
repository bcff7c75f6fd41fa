import { isLoopback } from '../../../contracts/env-values.ts';
import { isListedHost, normalHost } from '../../../contracts/subscriber-hosts.ts';

/** Which addresses are allowed for subscribers in this deployment. */
export interface SubscriberRules {
  /** SUBSCRIBER_HOSTS. */
  hosts: readonly string[];
  /** Addresses of our own servers. A subscriber there would make our events call our own functions. */
  ownAddresses: readonly string[];
}

export const MAX_SUBSCRIBER_URL_CHARACTERS = 2000;

const LEAST_UNPRIVILEGED_PORT = 1024;
/** Ports from 1024 on that every browser blocks because they belong to other protocols (Fetch standard, "bad port"). */
const OTHER_PROTOCOLS = new Set([
  1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697,
  10080,
]);

type SubscriberUrl = { ok: true; url: URL } | { ok: false; fault: string };

/**
 * Validates a subscriber's address: when it is set, and again before each call, since SUBSCRIBER_HOSTS may have changed.
 * @returns the address with its host in normal form; or what is wrong with it, as the continuation of "the URL". The fault
 *   never repeats the address, whose query may hold a secret.
 */
export function readSubscriberUrl({ hosts, ownAddresses }: SubscriberRules, text: string): SubscriberUrl {
  if (text.length > MAX_SUBSCRIBER_URL_CHARACTERS) {
    return refuse(`must have at most ${MAX_SUBSCRIBER_URL_CHARACTERS} characters`);
  }
  // `new URL` also accepts `https:host` and backslashes, and removes line breaks: here these are typing errors or an attack.
  const isPlain = /^[a-z][a-z0-9+.-]*:\/\/[^/\\][^\\]*$/i.test(text) && !/[\s\p{Cc}]/u.test(text);
  const url = isPlain ? URL.parse(text) : null;
  if (url === null) return refuse('must be an address such as https://hooks.example.org/polaris');
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return refuse('must begin with https://');
  if (url.username !== '' || url.password !== '') {
    return refuse('must not contain a user name or a password: requests are signed instead');
  }
  if (text.includes('#')) return refuse('must not contain a fragment (#): it is never sent');
  const host = normalHost(url.hostname);
  if (host === undefined) return refuse('must have the name of a public host, not an IP address');
  if (!isListedHost(hosts, host)) {
    return refuse('has a host that SUBSCRIBER_HOSTS does not list: add it there and deploy again');
  }
  if (url.protocol === 'http:' && !isLoopback(host)) {
    return refuse('must begin with https://: http would show results to everybody in between');
  }
  url.hostname = host;
  if (ownAddresses.some((own) => isSameServer(url, own))) {
    return refuse('is an address of this deployment: a subscriber must be another system');
  }
  if (!isPortAllowed(url.port)) {
    return refuse('must have the port 443, or one of 1024 to 65535 that is not of another protocol');
  }
  return { ok: true, url };
}

function isSameServer(url: URL, own: string): boolean {
  const other = URL.parse(own);
  if (other === null || normalHost(other.hostname) !== url.hostname) return false;
  // On the same machine, another port is another server.
  return !isLoopback(url.hostname) || url.port === other.port;
}

/** @param port empty: the default of the scheme */
function isPortAllowed(port: string): boolean {
  return port === '' || (Number(port) >= LEAST_UNPRIVILEGED_PORT && !OTHER_PROTOCOLS.has(Number(port)));
}

function refuse(fault: string): SubscriberUrl {
  return { ok: false, fault };
}
