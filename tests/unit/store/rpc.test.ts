import { createServer, type RequestListener } from 'node:http';
import { expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { createRpc, DatabaseUnavailable } from '../../../src/server/store/rpc.ts';

/** A REST layer that answers as it is told. */
async function rpcBefore(answer: RequestListener) {
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
  return createRpc({ url: `http://127.0.0.1:${port}`, secretKey: 'k', fetch });
}

const shape = z.object({ outcome: z.enum(['applied', 'duplicate']) });

it('gives the answer of a well-formed call', async () => {
  const rpc = await rpcBefore((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"outcome":"applied"}');
  });
  expect(await rpc('apply_report_event', {}, shape)).toEqual({ outcome: 'applied' });
});

it.each([
  [404, '{"code":"PGRST202","message":"Could not find the function","details":null,"hint":null}'],
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
  const rpc = await rpcBefore((_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  });
  await expect(rpc('apply_report_event', {}, shape)).rejects.toThrow(DatabaseUnavailable);
});

it('is unavailable when the connection is lost before the answer', async () => {
  const rpc = await rpcBefore((request) => request.socket.destroy());
  await expect(rpc('apply_report_event', {}, shape)).rejects.toThrow(DatabaseUnavailable);
});
