import { createServer, type RequestListener } from 'node:http';
import { expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { createRestStore } from '../../../src/server/store/rest-store.ts';
import { DatabaseUnavailable, SchemaMismatch } from '../../../src/server/store/store.ts';

/** A REST layer that gives prepared answers. */
async function storeBefore(answer: RequestListener) {
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => {
      answer(request, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return createRestStore<{ answer: { Args: Record<PropertyKey, never> } }>({
    url: `http://127.0.0.1:${port}`,
    secretKey: 'k',
    fetch,
  });
}

const shape = z.object({ outcome: z.enum(['applied', 'duplicate']) });

it('gives the answer of a well-formed call', async () => {
  const store = await storeBefore((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"outcome":"applied"}');
  });
  expect(await store.rpc('answer', {}, shape)).toEqual({ outcome: 'applied' });
});

it.each([
  [404, '<h1>Not Found</h1>'],
  [409, '{"code":"23505","message":"duplicate key value","details":null,"hint":null}'],
  [401, '{"message":"Invalid API key"}'],
  [500, '{"code":"40P01","message":"deadlock detected","details":null,"hint":null}'],
  [503, 'upstream connect error'],
  [200, '{"outcome":"app'],
  [200, '<html>Welcome</html>'],
  [200, '{"outcome":"report_eaten"}'],
  [200, 'null'],
  [204, ''],
])('reads no meaning into %d %s: the database is unavailable', async (status, body) => {
  const store = await storeBefore((_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  });
  const call = store.rpc('answer', {}, shape);
  await expect(call).rejects.toThrow(DatabaseUnavailable);
  await expect(call).rejects.not.toThrow(SchemaMismatch);
});

it.each([
  [404, 'PGRST202'],
  [300, 'PGRST203'],
  // A layer that has not read the schema yet, whatever its status.
  [503, 'PGRST202'],
])('tells by %d %s that schema and functions are of different versions', async (status, code) => {
  const store = await storeBefore((_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ code, message: 'Could not find the function', details: null, hint: null }));
  });
  await expect(store.rpc('answer', {}, shape)).rejects.toMatchObject({
    name: 'SchemaMismatch',
    message: expect.stringMatching(/functions differ: no SQL function answer /) as string,
    retryable: true,
    cause: { code },
  });
});

it('is unavailable when the connection is lost before the answer', async () => {
  const store = await storeBefore((request) => request.socket.destroy());
  await expect(store.rpc('answer', {}, shape)).rejects.toThrow(DatabaseUnavailable);
});
