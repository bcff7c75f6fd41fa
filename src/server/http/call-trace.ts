import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe } from 'node:diagnostics_channel';
import { Socket } from 'node:net';

const running = new AsyncLocalStorage<CallTrace>();
const traces = new WeakMap<object, CallTrace>();

/**
 * How far a `fetch` call got, from the events of Node's fetch (undici, "Diagnostics Channel Support"). Fetch's errors say
 * neither whether the request was sent nor whether the connection was new, and hide the status of an answer 407. A call that
 * makes further calls, such as retries, learns about all of them.
 */
export class CallTrace {
  /** The last used connection, and the number of bytes read from it before. */
  socket: Socket | undefined;
  bytesReadBefore = 0;
  /** Whether a request was made. Also false if `fetch` is not Node's own. */
  hasRequest = false;
  /** Whether any byte of the request may have been sent. */
  hasLeft = false;
  /** Status of the answer, once its headers have arrived. */
  status: number | null = null;
  private readonly outer = running.getStore();

  /** Runs a call under this trace. */
  follow<T>(call: () => Promise<T>): Promise<T> {
    return running.run(this, call);
  }

  /** This trace and those of the calls around it. */
  withOuter(): CallTrace[] {
    return this.outer === undefined ? [this] : [this, ...this.outer.withOuter()];
  }
}

subscribe('undici:request:create', (message) => {
  const trace = running.getStore();
  const request = memberOf(message, 'request');
  // CONNECT only opens a tunnel through a proxy: the call itself has not been sent by it.
  if (trace === undefined || !isObject(request) || memberOf(request, 'method') === 'CONNECT') return;
  traces.set(request, trace);
  for (const each of trace.withOuter()) each.hasRequest = true;
});
// Published just before the first byte is written, after the connection (with TLS if required) has been made.
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
  // Interim answers (1xx) say nothing about the final one.
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
