import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { freePort } from '../../../tools/local/ports.ts';
import { refusalOf } from '../../../tools/local/rest/errors.ts';
import { createRoleSettings } from '../../../tools/local/rest/role-settings.ts';
import { createRpc } from '../../../tools/local/rest/rpc.ts';
import { createSeats } from '../../../tools/local/rest/seats.ts';

const keys = { jwtSecret: 's', publishableKey: 'p', secretKey: 'k' };

async function callOn(port: number): Promise<[number, unknown]> {
  const url = `postgresql://authenticator:x@127.0.0.1:${port}/postgres`;
  const seats = createSeats({ url, count: 1, waitMs: 1000 });
  try {
    const rpc = createRpc({ keys, seats, roleSettings: createRoleSettings(seats) });
    const request = new Request('http://127.0.0.1/rest/v1/rpc/f', {
      method: 'POST',
      headers: { apikey: 'k' },
    });
    const response = await rpc(request);
    return [response.status, await response.json()];
  } finally {
    await seats.close();
  }
}

it('answers 503 PGRST000 while no database can be connected to', async () => {
  const [status, body] = await callOn(await freePort());
  expect([status, body]).toMatchObject([503, { code: 'PGRST000' }]);
});

it('answers 503 PGRST001 where the connection is lost', async () => {
  const server = createServer((socket) => socket.once('data', () => socket.resetAndDestroy()));
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  try {
    expect(await callOn(port)).toMatchObject([503, { code: 'PGRST001' }]);
  } finally {
    server.close();
  }
});

it('refuses a key that is not the project’s', async () => {
  const seats = createSeats({ url: 'postgresql://127.0.0.1:1/none', count: 1, waitMs: 1 });
  const rpc = createRpc({ keys, seats, roleSettings: createRoleSettings(seats) });
  for (const headers of [new Headers(), new Headers({ apikey: 'other' })]) {
    const request = new Request('http://127.0.0.1/rest/v1/rpc/f', { method: 'POST', headers });
    expect((await rpc(request)).status).toBe(401);
  }
  await seats.close();
});

it('leaves errors that are not the database’s to the caller', () => {
  expect(refusalOf(new TypeError('a fault of ours'), 'anon')).toBeUndefined();
});
