import { connect, createServer, type Socket } from 'node:net';

/** What the proxy does with each connection, old or new. */
type Line =
  | { kind: 'whole' }
  /** Resets the connection when the client sends something. */
  | { kind: 'reset' }
  /** Discards what either side sends. */
  | { kind: 'silent' }
  /** Resets a connection that has carried an answer when the client sends again. New connections work. */
  | { kind: 'idle-dies' }
  /** Resets an existing connection when the client sends again. New connections work, whatever their protocol. */
  | { kind: 'old-die' }
  /** In place of what the server sends comes what no protocol knows. */
  | { kind: 'garbage' }
  /** A new connection is reset at once; those that are there go on. */
  | { kind: 'closed' }
  /** Reset in place of the next answer; from then on `then`, or whole. */
  | { kind: 'lose-answer'; then?: Line }
  /** Reset once this many bytes of answers have passed. */
  | { kind: 'cut'; afterBytes: number };

export interface TcpProxy {
  port: number;
  /** How many there have been. */
  connections(): number;
  set(line: Line): void;
  stop(): Promise<void>;
}

/** Stands before a server on 127.0.0.1, whatever its protocol, and breaks connections as it is told. */
export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  let line: Line = { kind: 'whole' };
  let passedBytes = 0;
  let connections = 0;
  const sockets = new Set<Socket>();

  const server = createServer((client) => {
    const target = connect(targetPort, '127.0.0.1');
    let hasAnswered = false;
    const bornUnder = line;
    connections += 1;
    const reset = () => {
      client.resetAndDestroy();
      target.destroy();
    };
    if (line.kind === 'closed') {
      reset();
      return;
    }
    for (const socket of [client, target]) {
      sockets.add(socket);
      socket.on('error', reset);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        target.destroy();
      });
    }
    client.on('data', (bytes) => {
      if (
        line.kind === 'reset' ||
        (line.kind === 'idle-dies' && hasAnswered) ||
        (line.kind === 'old-die' && bornUnder !== line)
      )
        reset();
      else if (line.kind !== 'silent') target.write(bytes);
    });
    target.on('data', (bytes) => {
      if (line.kind === 'silent') return;
      if (line.kind === 'garbage') {
        client.write(Buffer.alloc(bytes.length, 0xff));
        return;
      }
      if (line.kind === 'lose-answer') {
        line = line.then ?? { kind: 'whole' };
        reset();
        return;
      }
      hasAnswered = true;
      const rest = line.kind === 'cut' ? line.afterBytes - passedBytes : Infinity;
      passedBytes += bytes.length;
      if (bytes.length < rest) client.write(bytes);
      else client.write(bytes.subarray(0, rest), reset);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the proxy has no port');
  return {
    port: address.port,
    connections: () => connections,
    set(next) {
      line = next;
      passedBytes = 0;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
