import { createServer, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { connect, tlsFor } from '../../../tools/local/connect.ts';

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
