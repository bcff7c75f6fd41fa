import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe } from 'node:diagnostics_channel';
import { Socket } from 'node:net';

const running = new AsyncLocalStorage<CallTrace>();
const traces = new WeakMap<object, CallTrace>();

/**
 * How far a call of `fetch` has come, by what Node's fetch tells of its requests (undici, "Diagnostics Channel Support"): its
 * errors say neither whether the request left this machine nor whether the connection was a new one, and keep the status of
 * an answer 407 to themselves. A call that makes others, such as one that is repeated, learns what became of all of them.
 */
export class CallTrace {
  /** The connection that was used last, and what had been read from it before. */
  socket: Socket | undefined;
  bytesReadBefore = 0;
  /** Whether a request was made at all. False as well where another fetch than Node's was called. */
  hasRequest = false;
  /** Whether any byte of it may have left. */
  hasLeft = false;
  /** Of an answer whose headers have come. */
  status: number | null = null;
  private readonly outer = running.getStore();

  /** Runs a call under this trace. */
  follow<T>(call: () => Promise<T>): Promise<T> {
    return running.run(this, call);
  }

  /** This trace and those of the calls that it is part of. */
  withOuter(): CallTrace[] {
    return this.outer === undefined ? [this] : [this, ...this.outer.withOuter()];
  }
}

subscribe('undici:request:create', (message) => {
  const trace = running.getStore();
  const request = memberOf(message, 'request');
  // CONNECT opens a tunnel through a proxy: nothing of the call itself has left by that.
  if (trace === undefined || !isObject(request) || memberOf(request, 'method') === 'CONNECT') return;
  traces.set(request, trace);
  for (const each of trace.withOuter()) each.hasRequest = true;
});
// Told just before the first byte is written, on a connection that is made, with TLS where the address asks for it.
subscribe('undici:client:sendHeaders', (message) => {
  const socket = memberOf(message, 'socket');
  for (const trace of tracesOf(message)) {
    trace.hasLeft = true;
    if (!(socket instanceof Socket)) continue;
    trace.socket = socket;
    trace.bytesReadBefore = socket.bytesRead;
  }
});
subscribe('undici:request:headers', (message) => {
  const status = memberOf(memberOf(message, 'response'), 'statusCode');
  // Interim answers (1xx) say nothing of what follows.
  if (typeof status !== 'number' || status < 200) return;
  for (const trace of tracesOf(message)) trace.status = status;
});

function tracesOf(message: unknown): CallTrace[] {
  const request = memberOf(message, 'request');
  return (isObject(request) ? traces.get(request)?.withOuter() : undefined) ?? [];
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function memberOf(value: unknown, name: string): unknown {
  return isObject(value) ? Reflect.get(value, name) : undefined;
}
