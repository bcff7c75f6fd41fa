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

/** Asks the DNS for all addresses of a name. */
type Resolve = (hostname: string) => Promise<readonly string[]>;

export interface OutboundPost {
  url: string;
  headers: Readonly<Record<string, string>>;
  body: Uint8Array;
  signal: AbortSignal;
}

/**
 * Posts to a subscriber: the one way out of this deployment to an address that somebody typed in.
 * @throws {NeverSent} where the address is not one that a subscriber may have, by its URL or by what its name resolves to
 */
export type Outbound = (post: OutboundPost) => Promise<Answered>;

export interface OutboundOptions extends SubscriberRules {
  resolve?: Resolve;
  /** How long a lookup may take, and then a connection with its TLS handshake, in milliseconds. */
  connectTimeoutMs?: number;
}

/** Half of the usual time-out of an attempt: what takes longer to connect will hardly answer in the rest. */
const CONNECT_TIMEOUT_MS = 5000;
const USER_AGENT = 'Polaris-Webhooks';

/**
 * All that a subscriber is ever told in headers. A key of ours cannot get among them by mistake: a bearer, an API key, a cookie
 * or the protection bypass ends the call instead.
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
 * Each call has a connection of its own. An idle one would outlive what its host name resolves to, and die unnoticed while a
 * function is frozen. It costs a TLS handshake each time.
 *
 * `request` rather than `fetch`: it follows no redirect, decompresses nothing and keeps no status of an answer to itself.
 */
export function createOutbound({
  resolve = resolveName,
  connectTimeoutMs = CONNECT_TIMEOUT_MS,
  ...rules
}: OutboundOptions): Outbound {
  const dispatcher = new Agent({
    // `connection: close` on each request.
    pipelining: 0,
    // Of a connection whose request was abandoned while it was being made, in milliseconds.
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
  /** Whether this machine itself may be called. */
  loopback: boolean;
}

/**
 * Makes connections to addresses that were checked. It resolves the name itself, checks every address, and dials those: a name
 * that resolves to another address a moment later changes nothing. A hook `lookup` alone would not do, since nobody calls it for
 * literals such as `127.0.0.1`, `[::1]` or `0x7f.1`.
 */
export function checkedConnect(checks: Checks): buildConnector.connector {
  return (options, callback) => {
    addressesOf(options.hostname, checks).then(
      (addresses) => {
        // For this connection alone, so that no TLS session is resumed: the certificate of such a one is not compared with its name.
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

/** @throws {NeverSent} when one of them is not public: an honest name has none of these, so that none of the others is tried */
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

/** Of Node's own form, so that it tries the addresses in turn (RFC 8305). */
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
        // Not what a header may hold: nothing here reads such a one.
      }
    }
  }
  return headers;
}

/** By hand: Node's own adapter to a web stream throws where nobody can catch it when it is cancelled while data comes in. */
function readerOf(stream: Readable): ChunkReader {
  // An error after the last read has nobody else to go to.
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
