import { CallTrace } from './call-trace.ts';

/** Errors of a connection that the other side has closed. */
const CLOSED_CODES: ReadonlySet<unknown> = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);

/**
 * Each retry uses up one dead socket, and a frozen function may wake up with several. A failure on a new connection is never
 * retried.
 */
const MAX_RETRIES = 10;

/**
 * A fetch that repeats a request at once if it used an old connection that was closed before any byte of the answer arrived.
 * A function may be frozen between requests; its idle connections die meanwhile, and the first write on one fails. Only for
 * requests whose repetition the other side recognises, since the connection may also be closed by a server that died during
 * its work.
 */
export function retryDeadSockets(fetch: typeof globalThis.fetch): typeof globalThis.fetch {
  return async (input, init) => {
    for (let retries = 0; ; retries += 1) {
      const trace = new CallTrace();
      try {
        return await trace.follow(() => fetch(input, init));
      } catch (error) {
        if (retries === MAX_RETRIES || !isDeadSocket(error, trace)) throw error;
      }
    }
  };
}

// Without Node's events, no call counts as sent on an old socket, so none is retried.
function isDeadSocket(error: unknown, { socket, bytesReadBefore }: CallTrace): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  const isClosed = cause instanceof Error && 'code' in cause && CLOSED_CODES.has(cause.code);
  return isClosed && socket !== undefined && bytesReadBefore > 0 && socket.bytesRead === bytesReadBefore;
}
