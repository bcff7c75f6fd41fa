import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import tls from 'node:tls';

/** A certificate or a key of tests/fixtures/tls. */
export const pem = (name: string) =>
  readFileSync(new URL(`../fixtures/tls/${name}.pem`, import.meta.url), 'utf8');

/** The text of an answer. */
export function http(
  status: string,
  body = '',
  headers = `content-length: ${Buffer.byteLength(body)}\r\n`,
): string {
  return `HTTP/1.1 ${status}\r\nconnection: close\r\n${headers}\r\n${body}`;
}

/** Real servers on this machine that fail in the ways in which servers do. Call `close` after each test. */
export function failingServers() {
  const open: Server[] = [];
  const sockets = new Set<Socket>();

  /** Answers the port of a server. */
  async function serve(server: Server): Promise<number> {
    server.on('connection', (socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    });
    open.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    // Safe: it listens on a port, not on a pipe.
    return (server.address() as AddressInfo).port;
  }

  /** A server that does this with each connection. */
  const tcp = (onConnection: (socket: Socket) => void) => serve(createTcpServer(onConnection));

  return {
    serve,
    tcp,
    /** The connections that are open. */
    sockets,

    /** A server that says this once the request has come, and then ends the connection, or leaves it open. */
    says: (text: string | Buffer, { ends = true } = {}) =>
      tcp((socket) =>
        socket.once('data', () => {
          socket.write(text);
          if (ends) socket.end();
        }),
      ),

    /** A server with this certificate, which says this once the request has come. */
    secure(certificate: string, text: string, options: tls.TlsOptions = {}): Promise<number> {
      const server = tls.createServer(
        { key: pem('server-key'), cert: pem(certificate), ...options },
        (socket) => {
          socket.on('error', () => undefined);
          socket.once('data', () => socket.end(text));
        },
      );
      server.on('tlsClientError', () => undefined);
      return serve(server);
    },

    /** A port where nobody listens. */
    async unused(): Promise<number> {
      const server = createTcpServer();
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      // Safe: as above.
      const { port } = server.address() as AddressInfo;
      await new Promise((resolve) => server.close(resolve));
      return port;
    },

    async close(): Promise<void> {
      for (const socket of sockets) socket.destroy();
      await Promise.all(open.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}

/** Lets this process trust the authority of tests/fixtures/tls. Answers how to end it. */
export function trustTestAuthority(): () => void {
  const trusted = tls.getCACertificates('default');
  tls.setDefaultCACertificates([...trusted, pem('authority')]);
  return () => {
    tls.setDefaultCACertificates(trusted);
  };
}
