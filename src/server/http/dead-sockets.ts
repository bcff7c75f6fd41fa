import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe } from 'node:diagnostics_channel';
import { Socket } from 'node:net';

/** The socket that a call went out on, and what had been read from that socket before. */
interface Sent {
  socket?: Socket;
  bytesReadBefore: number;
}

const calls = new AsyncLocalStorage<Sent>();
const sentRequests = new WeakMap<object, Sent>();

// What Node's own fetch tells of its connections (undici, "Diagnostics Channel Support"): its errors do not say whether the
// connection was a new one. Without these messages no call counts as sent on a used socket, and none is retried.
subscribe('undici:request:create', (message) => {
  const sent = calls.getStore();
  const request = memberOf(message, 'request');
  if (sent !== undefined && typeof request === 'object' && request !== null) sentRequests.set(request, sent);
});
subscribe('undici:client:sendHeaders', (message) => {
  const request = memberOf(message, 'request');
  const socket = memberOf(message, 'socket');
  const sent = typeof request === 'object' && request !== null ? sentRequests.get(request) : undefined;
  if (sent === undefined || !(socket instanceof Socket)) return;
  sent.socket = socket;
  sent.bytesReadBefore = socket.bytesRead;
});

function memberOf(message: unknown, name: string): unknown {
  if (typeof message !== 'object' || message === null) return undefined;
  return new Map<string, unknown>(Object.entries(message)).get(name);
}

/** A failure of a connection that the other side has closed. */
const CLOSED_CODES: ReadonlySet<unknown> = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);

/** Each retry uses up one dead socket; a frozen function may wake with several. A new connection is never retried. */
const MAX_RETRIES = 10;

/**
 * A fetch that sends a request again at once when its connection had been used before and was closed before any byte of the
 * answer: a function may be frozen between requests, its idle connections die meanwhile, and the first write on one fails.
 * Only for requests that the other side recognises when they are repeated: a connection may also be closed by a server that
 * died at work.
 */
export function retryDeadSockets(fetch: typeof globalThis.fetch): typeof globalThis.fetch {
  return async (input, init) => {
    for (let retries = 0; ; retries += 1) {
      const sent: Sent = { bytesReadBefore: 0 };
      try {
        return await calls.run(sent, () => fetch(input, init));
      } catch (error) {
        if (retries === MAX_RETRIES || !isDeadSocket(error, sent)) throw error;
      }
    }
  };
}

function isDeadSocket(error: unknown, { socket, bytesReadBefore }: Sent): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  const isClosed = CLOSED_CODES.has(memberOf(cause, 'code'));
  return isClosed && socket !== undefined && bytesReadBefore > 0 && socket.bytesRead === bytesReadBefore;
}
