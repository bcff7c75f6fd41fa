import { once } from 'node:events';
import net from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { problemDetails } from '../../../src/contracts/problem.ts';
import { startTestFunctions, type TestFunctions } from '../../support/functions.ts';

// Under Vercel's adapter, a method that no function exports would end the function's process.

let functions: TestFunctions;
beforeAll(async () => {
  functions = await startTestFunctions(['api/health.ts'], {});
}, 300_000);
afterAll(() => functions.stop(1000));

/** Sends bytes, and answers all that came until the other side closed the connection. */
async function send(text: string): Promise<{ status: number; headers: string; body: string }> {
  const socket = net.connect(Number(new URL(functions.url).port), '127.0.0.1');
  let got = '';
  socket.on('data', (bytes) => (got += String(bytes)));
  socket.write(text);
  await once(socket, 'close');
  const [headers = '', body = ''] = got.split('\r\n\r\n');
  return { status: Number(headers.split(' ')[1]), headers: headers.toLowerCase(), body };
}

const isServed = async () => expect((await fetch(`${functions.url}/api/health`)).status).toBe(503);

describe('a method that no function has', () => {
  it.each(['PROPFIND', 'TRACE', 'MKCOL', 'LOCK', 'PURGE', 'QUERY', 'M-SEARCH', 'REPORT', 'LINK'])(
    '%s is answered 405 with Allow, and the process of the function stays',
    async (method) => {
      await isServed();
      const before = functions.pids();
      const body = '{"half":';
      const answer = await send(
        `${method} /api/health?x=1 HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n${body}`,
      );
      expect(answer.status).toBe(405);
      expect(answer.headers).toContain('content-type: application/problem+json');
      expect(answer.headers).toContain('allow: get, head, post, put, patch, delete, options');
      expect(problemDetails.parse(JSON.parse(answer.body)).code).toBe('method_not_allowed');
      await isServed();
      expect(functions.pids()).toEqual(before);
    },
  );

  it('CONNECT is answered 405', async () => {
    expect((await send('CONNECT /api/health HTTP/1.1\r\nhost: x\r\n\r\n')).status).toBe(405);
    await isServed();
  });

  it.each(['FOO', 'get'])('%s, which is none, is answered 400', async (method) => {
    expect((await send(`${method} /api/health HTTP/1.1\r\nhost: x\r\n\r\n`)).status).toBe(400);
    await isServed();
  });
});

it.each(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])(
  '%s reaches the function',
  async (method) => {
    const response = await fetch(`${functions.url}/api/health`, { method });
    // This one knows GET and HEAD, and says so itself. Without its variables it is misconfigured.
    expect([response.status, response.headers.get('allow')]).toEqual(
      ['GET', 'HEAD'].includes(method) ? [503, null] : [405, 'GET, HEAD'],
    );
    if (method === 'HEAD') expect(await response.text()).toBe('');
  },
);

it('a connection is not closed while it is idle', async () => {
  // Node's servers name their limit here.
  expect((await fetch(`${functions.url}/api/health`)).headers.get('keep-alive')).toBeNull();
});
