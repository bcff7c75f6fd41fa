import { connect } from 'node:net';
import tls from 'node:tls';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { createDirectStore } from '../../../src/server/store/direct-store.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { failingServers, pem, trustTestAuthority } from '../../support/failing-servers.ts';

const NOBODY = '00000000-0000-0000-0000-000000000000';
const servers = failingServers();
let database: TestDatabase;
let distrust = () => {};
beforeAll(async () => {
  database = await createTestDatabase();
  distrust = trustTestAuthority();
});
afterEach(() => servers.close());
afterAll(async () => {
  distrust();
  await database.drop();
});

/** Stands before PostgreSQL as a pooler does: takes its request for TLS, and then speaks TLS with this certificate. */
function startTlsFront(certificate: string): Promise<number> {
  const target = Number(new URL(database.storeUrl).port);
  return servers.tcp((socket) => {
    socket.once('data', () => {
      socket.write('S');
      const secure = new tls.TLSSocket(socket, {
        isServer: true,
        key: pem('server-key'),
        cert: pem(certificate),
      });
      const server = connect(target, '127.0.0.1');
      for (const end of [secure, server]) {
        end.on('error', () => undefined);
        end.on('close', () => {
          secure.destroy();
          server.destroy();
        });
      }
      secure.pipe(server).pipe(secure);
    });
  });
}

async function callThrough(certificate: string, mode: string): Promise<string> {
  const url = new URL(database.storeUrl);
  url.hostname = 'localhost';
  url.port = String(await startTlsFront(certificate));
  url.searchParams.set('sslmode', mode);
  const store = createDirectStore({ url: url.href, monotonicNow: () => performance.now() });
  try {
    return String(await store.rpc('user_is_operator', { p_user_id: NOBODY }, z.boolean()));
  } catch (error) {
    return String(error);
  } finally {
    await store.close();
  }
}

it('verify-full accepts a certificate that is valid for the host', async () => {
  expect(await callThrough('good', 'verify-full')).toBe('false');
});

it.each([
  ['expired', /certificate has expired/],
  ['wrong-host', /does not match certificate's altnames/],
  ['unknown-authority', /unable to verify|unable to get/],
  ['self-signed', /self-signed/],
])('verify-full refuses a certificate that is %s', async (certificate, message) => {
  const told = await callThrough(certificate, 'verify-full');
  expect(told).toMatch(/^PoolUnusable: no connection to PostgreSQL: /);
  expect(told).toMatch(message);
});

it('require encrypts, whatever the certificate is', async () => {
  expect(await callThrough('self-signed', 'require')).toBe('false');
});

it('require never falls back to an unencrypted connection', async () => {
  const url = new URL(database.storeUrl);
  url.searchParams.set('sslmode', 'require');
  const store = createDirectStore({ url: url.href, monotonicNow: () => performance.now() });
  await expect(store.rpc('user_is_operator', { p_user_id: NOBODY }, z.boolean())).rejects.toThrow(/SSL/);
  await store.close();
});
