import { lookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, buildConnector, request, type Dispatcher } from 'undici';
import { allowsLoopback } from '../../../contracts/subscriber-hosts.ts';
import { NeverSent } from '../connection-words.ts';
import type { Answered, ChunkReader } from '../../http/read-start.ts';
import { isLoopbackAddress, isPublicAddress } from './public-address.ts';
import { readSubscriberUrl, type SubscriberRules } from './subscriber-url.ts';

/** Resolves a name to all of its addresses. */
type Resolve = (hostname: string) => Promise<readonly string[]>;

export interface OutboundPost {
  url: string;
  headers: Readonly<Record<string, string>>;
  body: Uint8Array;
  signal: AbortSignal;
}

/**
 * Posts to a subscriber: the only way out of this deployment to an address that a person typed in.
 * @throws {NeverSent} if the URL, or an address that its name resolves to, is not allowed for a subscriber
 */
export type Outbound = (post: OutboundPost) => Promise<Answered>;

export interface OutboundOptions extends SubscriberRules {
  resolve?: Resolve;
  /** Time limit for the DNS lookup, and again for the connection with its TLS handshake, in milliseconds. */
  connectTimeoutMs?: number;
}

/** Half of the usual time-out of an attempt: an endpoint that takes longer to connect will hardly answer in the rest. */
const CONNECT_TIMEOUT_MS = 5000;
const USER_AGENT = 'Polaris-Webhooks';

/**
 * The only headers that are sent to subscribers. A secret of ours cannot slip in: a bearer token, an API key, a cookie or the
 * protection bypass ends the call.
 */
export const SENDABLE: ReadonlySet<string> = new Set([
  'content-type',
  'accept-encoding',
  'traceparent',
  'webhook-id',
  'webhook-timestamp',
  'webhook-signature',
  'polaris-version',
  'polaris-position',
  'polaris-replay',
  'polaris-redrive',
  'content-encoding',
]);

/**
 * Each call opens its own connection, at the cost of a TLS handshake. An idle one would outlive a change of the host's
 * address, and could die unnoticed while a function is frozen.
 *
 * Uses `request` and not `fetch`: it follows no redirects, decompresses nothing and hides no status.
 */
export function createOutbound({
  resolve = resolveName,
  connectTimeoutMs = CONNECT_TIMEOUT_MS,
  ...rules
}: OutboundOptions): Outbound {
  const dispatcher = new Agent({
    // `connection: close` on each request.
    pipelining: 0,
    // Milliseconds until a connection closes whose request was abandoned during the handshake.
    keepAliveTimeout: 1,
    connect: checkedConnect({ resolve, connectTimeoutMs, loopback: allowsLoopback(rules.hosts) }),
  });
  return async ({ url, headers, body, signal }) => {
    const read = readSubscriberUrl(rules, url);
    if (!read.ok) throw new NeverSent(`the URL ${read.fault}`);
    const secret = Object.keys(headers).find((name) => !SENDABLE.has(name));
    if (secret !== undefined) throw new NeverSent(`the header ${secret} is not for subscribers`);
    const answer = await request(read.url, {
      dispatcher,
      method: 'POST',
      headers: { ...headers, 'user-agent': USER_AGENT },
      body,
      signal,
    });
    return {
      status: answer.statusCode,
      ok: answer.statusCode >= 200 && answer.statusCode < 300,
      headers: headersOf(answer.headers),
      body: { getReader: () => readerOf(answer.body) },
    };
  };
}

interface Checks {
  resolve: Resolve;
  connectTimeoutMs: number;
  /** Whether addresses of this machine are allowed. */
  loopback: boolean;
}

/**
 * Connects only to checked addresses. Resolves the name itself, checks every address and dials exactly those, so a name that
 * resolves to another address a moment later has no effect. A `lookup` hook alone would not be enough: it is not called for
 * literals such as `127.0.0.1`, `[::1]` or `0x7f.1`.
 */
export function checkedConnect(checks: Checks): buildConnector.connector {
  return (options, callback) => {
    addressesOf(options.hostname, checks).then(
      (addresses) => {
        // A new connector per connection, so that no TLS session is resumed: the certificate of a resumed session is not
        // compared with the host name.
        const connect = buildConnector({
          lookup: lookupIn(addresses),
          timeout: checks.connectTimeoutMs,
          allowH2: false,
          rejectUnauthorized: true,
        });
        connect(options, callback);
      },
      (error: unknown) => {
        callback(error instanceof Error ? error : new Error('the lookup failed', { cause: error }), null);
      },
    );
  };
}

interface Resolved {
  address: string;
  family: number;
}

/** @throws {NeverSent} if any address is not public. An honest name has no such address, so the others are not tried either. */
async function addressesOf(
  hostname: string,
  { resolve, connectTimeoutMs, loopback }: Checks,
): Promise<readonly Resolved[]> {
  const addresses = isIP(hostname) === 0 ? await withinTime(connectTimeoutMs, resolve(hostname)) : [hostname];
  for (const address of addresses) {
    if (isPublicAddress(address) || (loopback && isLoopbackAddress(address))) continue;
    throw new NeverSent('the host has an address that is not on the public internet');
  }
  if (addresses.length === 0) throw new NeverSent('the host name has no address');
  return addresses.map((address) => ({ address, family: isIP(address) }));
}

/** In the form of Node's `lookup`, so that Node tries the addresses in turn (RFC 8305). */
function lookupIn(addresses: readonly Resolved[]): LookupFunction {
  return (_hostname, { all }, callback) => {
    const [first] = addresses;
    if (all === true) callback(null, [...addresses]);
    else callback(null, first?.address ?? '', first?.family);
  };
}

async function withinTime<T>(timeoutMs: number, answer: Promise<T>): Promise<T> {
  const timer = new AbortController();
  try {
    return await Promise.race([
      answer,
      sleep(timeoutMs, undefined, { ref: false, signal: timer.signal }).then(() => {
        throw new NeverSent('the DNS server did not answer');
      }),
    ]);
  } finally {
    timer.abort();
  }
}

async function resolveName(hostname: string): Promise<string[]> {
  const found = await lookup(hostname, { all: true });
  return found.map(({ address }) => address);
}

function headersOf(answered: Dispatcher.ResponseData['headers']): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(answered)) {
    for (const each of [value ?? []].flat()) {
      try {
        headers.append(name, each);
      } catch {
        // Not a valid header value; no code here reads such a header.
      }
    }
  }
  return headers;
}

/** Reads the stream directly: Node's adapter to web streams throws an uncatchable error if it is cancelled while data arrives. */
function readerOf(stream: Readable): ChunkReader {
  // After the last read, nobody else handles an error.
  stream.on('error', () => undefined);
  const chunks: AsyncIterator<Uint8Array, undefined> = stream[Symbol.asyncIterator]();
  return {
    read: async () => {
      const { done = false, value } = await chunks.next();
      return { done, value };
    },
    cancel: () => {
      stream.destroy();
      return Promise.resolve();
    },
  };
}
