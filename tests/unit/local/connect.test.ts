import dns from 'node:dns';
import { createServer, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it, vi } from 'vitest';
import { connect, describeSessionFailure, tlsFor } from '../../../tools/local/connect.ts';
import { failingServers } from '../../support/failing-servers.ts';

const HOSTED = 'postgresql://postgres:pw@db.project.supabase.co:5432/postgres';

it('encrypts the connection to a database on another machine', () => {
  expect(tlsFor(HOSTED)).toEqual({ ssl: 'require' });
});

it.each(['verify-full', 'disable'])('leaves sslmode=%s of the address in force', (mode) => {
  expect(tlsFor(`${HOSTED}?sslmode=${mode}`)).toEqual({});
});

it('needs no encryption on this machine', () => {
  expect(tlsFor('postgresql://postgres:pw@127.0.0.1:54322/postgres')).toEqual({});
});

it('sends no password to a server that cannot encrypt, where encryption is asked for', async () => {
  const received: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    // N: this server has no TLS. What comes next must be no message in the clear.
    socket.once('data', () => socket.write('N'));
    socket.on('data', (bytes) => received.push(bytes.toString('latin1')));
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    // Safe: a server that listens on TCP has such an address.
    const { port } = server.address() as AddressInfo;
    const url = `postgresql://postgres:password@127.0.0.1:${port}/postgres?sslmode=require`;
    const connecting = connect(url);
    connecting.catch(() => undefined);
    await expect.poll(() => received.length, { timeout: 10_000 }).toBeGreaterThan(1);
    expect(received.join('')).not.toContain('password');
    expect(received[0]).not.toContain('postgres');
    for (const socket of sockets) socket.destroy();
    await expect(connecting).rejects.toThrow();
  } finally {
    server.close();
  }
});

const servers = failingServers();
afterEach(async () => {
  vi.restoreAllMocks();
  await servers.close();
});

it('names a server of several addresses that cannot be reached, and not the password', async () => {
  const port = await servers.unused();
  // What the resolver of another machine answers for localhost.
  vi.spyOn(dns, 'lookup').mockImplementation(((_host: string, _options: object, done: Answered) => {
    done(null, [
      { address: '127.0.0.1', family: 4 },
      { address: '::1', family: 6 },
    ]);
  }) as typeof dns.lookup);
  const error = await connect(`postgresql://postgres:secret@localhost:${port}/postgres`).catch(
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({
    message: `The database at localhost:${port} cannot be reached (ECONNREFUSED): check DATABASE_URL and the network.`,
    cause: { errors: [{ code: 'ECONNREFUSED' }, expect.anything()] },
  });
});
type Answered = (error: null, addresses: dns.LookupAddress[]) => void;

it.each<[string, (socket: Socket) => void]>([
  ['closes each connection at once', (socket) => socket.end()],
  [
    'is another program',
    (socket) => socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
  ],
])('gives up when the server %s', async (_what, act) => {
  const port = await servers.tcp(act);
  await expect(
    connect(`postgresql://postgres:secret@127.0.0.1:${port}/postgres?connect_timeout=1`),
  ).rejects.toThrow(`The database at 127.0.0.1:${port} cannot be reached`);
});

it('says that the connection has ended, and what to do', () => {
  const error = Object.assign(new Error('write CONNECTION_ENDED db:5432'), { code: 'CONNECTION_ENDED' });
  expect(describeSessionFailure(error)).toBe(
    'The connection to the database has ended (CONNECTION_ENDED). Run the command again.',
  );
  expect(describeSessionFailure(new Error('permission denied'))).toBe('permission denied');
});
