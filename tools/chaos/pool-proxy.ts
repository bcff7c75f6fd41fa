import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PoolFault } from './faults.ts';
import { createRequests } from './pool-requests.ts';

/** Stands between the functions' pools and PostgreSQL. */
export interface PoolProxy extends AsyncDisposable {
  port: number;
  /** Statements that the functions sent. */
  calls: number;
  faulted: number;
  /** Takes no connections and ends those that are there; or takes them again. */
  setAway(isAway: boolean): Promise<void>;
}

export async function startPoolProxy(options: {
  targetPort: number;
  /** Null: nothing happens to this statement. */
  draw: () => PoolFault | null;
  /** Told the bytes of each statement that reaches PostgreSQL. */
  onPassed: (request: Buffer) => void;
}): Promise<PoolProxy> {
  const sockets = new Set<Socket>();
  const ending = new AbortController();

  function serve(client: Socket): void {
    const target = connect(options.targetPort, '127.0.0.1');
    let losesAnswer = false;
    const reset = () => {
      client.resetAndDestroy();
      target.destroy();
    };
    for (const socket of [client, target]) {
      sockets.add(socket);
      socket.on('error', reset);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        target.destroy();
      });
    }

    async function pass(request: Buffer): Promise<void> {
      const fault = options.draw();
      proxy.calls += 1;
      if (fault !== null) proxy.faulted += 1;
      switch (fault?.kind) {
        case undefined:
          break;
        case 'reset mid-request':
          reset();
          return;
        case 'answer lost':
          losesAnswer = true;
          break;
        case 'garbage':
          // What follows would be awaited until the call times out, with one connection fewer for all others.
          client.write(Buffer.alloc(64, 0xff), reset);
          return;
        case 'raised':
          client.write(errorAnswer(fault.code));
          return;
        case 'slow':
        case 'delayed':
          await sleep(fault.ms, undefined, { signal: ending.signal });
      }
      if (target.destroyed) return;
      options.onPassed(request);
      target.write(request);
    }

    const requests = createRequests({
      // Log-in and farewell pass as they are.
      onOther: (bytes) => target.write(bytes),
      onRequest: (request) => void pass(request).catch(reset),
    });
    client.on('data', (bytes) => {
      requests.add(bytes);
    });
    target.on('data', (bytes) => {
      if (losesAnswer) reset();
      else client.write(bytes);
    });
  }

  const server = createServer(serve);
  const listen = (port: number) =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
  const close = async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.resetAndDestroy();
    await closed;
  };
  await listen(0);
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  let isOpen = true;
  const proxy: PoolProxy = {
    port,
    calls: 0,
    faulted: 0,
    async setAway(isAway) {
      if (isAway !== isOpen) return;
      isOpen = !isAway;
      await (isAway ? close() : listen(port));
    },
    async [Symbol.asyncDispose]() {
      ending.abort();
      if (isOpen) await close();
    },
  };
  return proxy;
}

/** What PostgreSQL says of a statement that fails, and that it is ready for the next one (protocol 3.0). */
function errorAnswer(code: string): Buffer {
  const fields = Buffer.from(`SERROR\0VERROR\0C${code}\0Mmade by chaos\0\0`);
  const error = Buffer.alloc(5);
  error.write('E');
  error.writeInt32BE(fields.length + 4, 1);
  return Buffer.concat([error, fields, Buffer.from([0x5a, 0, 0, 0, 5, 0x49])]);
}
