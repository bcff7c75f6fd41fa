import { createServer as createTcpServer, type Socket } from 'node:net';
import type tls from 'node:tls';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../../src/server/clock.ts';
import { callWebhook } from '../../../src/server/deliver/call-webhook.ts';
import type { ClaimedDelivery } from '../../../src/server/deliver/delivery.ts';
import { retryDeadSockets } from '../../../src/server/http/dead-sockets.ts';
import { failingServers, http, trustTestAuthority } from '../../support/failing-servers.ts';

// Real servers that fail in different ways, and Node's own fetch, since what it throws is not documented.

const TIMEOUT_MS = 400;
const servers = failingServers();
const { serve, tcp, says, sockets } = servers;
const secure = (certificate: string, options: tls.TlsOptions = {}) =>
  servers.secure(certificate, http('200 OK', '{"outcome":"applied","job_id":"job_1"}'), options);

let distrust: () => void;
beforeAll(() => {
  distrust = trustTestAuthority();
});
afterEach(() => servers.close());
afterAll(() => {
  distrust();
});

const delivery: ClaimedDelivery = {
  delivery_id: 1,
  delivery_token: 1,
  event_id: 'evt_1',
  endpoint_id: 'prelim-report',
  expects: 'own_answer',
  job_id: 'job_1',
  trace_id: null,
  body: '{}',
  subscriber: null,
};

async function attempt(base: string, change: { bypass?: string; expects?: ClaimedDelivery['expects'] } = {}) {
  const round = await callWebhook(
    {
      ...systemClock,
      fetch: retryDeadSockets(fetch),
      webhookKeys: [Buffer.alloc(32, 1)],
      webhookBaseUrls: [base],
      protectionBypass: change.bypass,
      timeoutMs: TIMEOUT_MS,
      random: () => 0,
    },
    { ...delivery, ...(change.expects && { expects: change.expects }) },
    0,
  );
  const [{ status, error, duration_ms } = { status: undefined, error: undefined, duration_ms: NaN }] =
    round.attempts;
  expect(duration_ms).toBeGreaterThanOrEqual(0);
  return { result: round.result, status, error, retryAfterSeconds: round.retryAfterSeconds };
}

const address = (port: number, scheme = 'http') => `${scheme}://127.0.0.1:${port}/api/webhooks`;

describe('an attempt that certainly never left is failed', () => {
  it.each<[string, string, string]>([
    [
      'an address with credentials',
      'https://user:sesame@127.0.0.1:1/x',
      'not sent: the address contains a user name or a password',
    ],
    [
      'an address with a user alone',
      'https://user@127.0.0.1:1/x',
      'not sent: the address contains a user name or a password',
    ],
    ['a port that fetch blocks', 'http://127.0.0.1:6000/x', 'not sent: fetch blocks the port of the address'],
    ['another scheme', 'ftp://127.0.0.1/x', 'not sent: the address begins with neither https: nor http:'],
    ['no address', 'http://a b', 'not sent: the address is malformed'],
    ['an unknown host', 'http://nobody.invalid/x', 'not sent: the host name is unknown (ENOTFOUND)'],
  ])('%s', async (_name, base, error) => {
    expect(await attempt(base)).toEqual({ result: 'failed', status: null, error, retryAfterSeconds: null });
  });

  it('a header that cannot be sent, whose value stays out of the words', async () => {
    const { result, error } = await attempt('http://127.0.0.1:1/x', { bypass: 'sesame\n' + 'open' });
    expect([result, error]).toEqual(['failed', 'not sent: a header has invalid characters']);
  });

  it('a port where nobody listens', async () => {
    expect(await attempt(address(await servers.unused()))).toMatchObject({
      result: 'failed',
      error: 'not sent: the connection was refused (ECONNREFUSED)',
    });
  });

  it.each([
    ['expired', 'the certificate has expired (CERT_HAS_EXPIRED)'],
    ['future', 'the certificate is not valid yet (CERT_NOT_YET_VALID)'],
    ['wrong-host', 'the certificate is for another host name (ERR_TLS_CERT_ALTNAME_INVALID)'],
    ['self-signed', 'the certificate is self-signed (DEPTH_ZERO_SELF_SIGNED_CERT)'],
    [
      'unknown-authority',
      'the certificate authority is not trusted here, or the host does not send its intermediate certificates (UNABLE_TO_VERIFY_LEAF_SIGNATURE)',
    ],
  ])('a certificate that is %s', async (certificate, words) => {
    expect(await attempt(address(await secure(certificate), 'https'))).toMatchObject({
      result: 'failed',
      status: null,
      error: `not sent: ${words}`,
    });
  });

  it('a host without TLS', async () => {
    expect(await attempt(address(await says(http('200 OK')), 'https'))).toMatchObject({
      result: 'failed',
      error: 'not sent: the host does not speak TLS at this port (ERR_SSL_WRONG_VERSION_NUMBER)',
    });
  });

  it('a host with another version of TLS', async () => {
    const port = await secure('good', {
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    });
    const { result, error } = await attempt(address(port, 'https'));
    expect([result, error]).toEqual([
      'failed',
      expect.stringMatching(/^not sent: no TLS connection could be agreed on \([A-Z0-9_]+\)$/),
    ]);
  });

  it.each([
    ['reset', (socket: Socket) => socket.resetAndDestroy()],
    ['closed', (socket: Socket) => socket.end()],
  ])('a connection that is %s before TLS is agreed on', async (_name, ends) => {
    const port = await tcp((socket) => socket.once('data', () => ends(socket)));
    expect(await attempt(address(port, 'https'))).toMatchObject({
      result: 'failed',
      error: 'not sent: the connection was reset while connecting (ECONNRESET)',
    });
  });

  it('a time-out before there is a connection', async () => {
    // It takes the connection, and never answers the handshake of TLS.
    const port = await tcp((socket) => socket.resume());
    expect(await attempt(address(port, 'https'))).toMatchObject({
      result: 'failed',
      error: 'not sent: timed out while connecting',
    });
  });
});

describe('an attempt that left, and whose outcome is not known, is sent', () => {
  it.each<[string, string, () => Promise<number>]>([
    [
      'a connection that is reset',
      'the connection was reset (ECONNRESET)',
      () => tcp((socket) => socket.once('data', () => socket.resetAndDestroy())),
    ],
    [
      'a connection that is closed',
      'the connection was closed (UND_ERR_SOCKET)',
      () => tcp((socket) => socket.once('data', () => socket.end())),
    ],
    ['half a line', 'the connection was closed (UND_ERR_SOCKET)', () => says('HTTP/1.1 2')],
    ['another protocol', 'the answer is not HTTP', () => says('SSH-2.0-OpenSSH_9\r\n')],
    ['a page without a header', 'the answer is not HTTP', () => says('<html>hello</html>')],
    ['HTTP/2', 'the answer is not HTTP', () => says(Buffer.from([0, 0, 18, 4, 0, 0, 0, 0, 0, 0, 0]))],
    ['a status that is none', 'the answer is not HTTP (ERR_ASSERTION)', () => says(http('099 x'))],
    ['nothing but an interim answer', 'the answer is not HTTP', () => says('HTTP/1.1 100 Continue\r\n\r\n')],
    [
      'a change of the protocol',
      'the other side asked for another protocol',
      () => says('HTTP/1.1 101 x\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
    ],
    [
      'a header that is too large',
      'the headers of the answer are too large (UND_ERR_HEADERS_OVERFLOW)',
      () => says(http('200 OK', '', `x: ${'a'.repeat(100_000)}\r\n`)),
    ],
    [
      'too many headers',
      'the headers of the answer are too large (UND_ERR_HEADERS_OVERFLOW)',
      () => says(http('200 OK', '', 'x: a\r\n'.repeat(10_000))),
    ],
    ['silence', 'timed out', () => tcp((socket) => socket.resume())],
    ['half of the headers', 'timed out', () => says('HTTP/1.1 200 OK\r\n', { ends: false })],
    [
      'an interim answer, then silence',
      'timed out',
      () => says('HTTP/1.1 103 Early Hints\r\n\r\n', { ends: false }),
    ],
  ])('%s', async (_name, words, start) => {
    expect(await attempt(address(await start()))).toEqual({
      result: 'unknown',
      status: null,
      error: `no answer: ${words}`,
      retryAfterSeconds: null,
    });
  });

  it('a server that wants a certificate of ours', async () => {
    const port = await secure('good', { requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.3' });
    const { result, error } = await attempt(address(port, 'https'));
    expect(result).toBe('unknown');
    expect(error).toMatch(/^no answer: /);
  });

  const BROKEN = 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"outcome":';
  it.each<[string, string, () => Promise<number>]>([
    ['closed', 'the connection was closed (UND_ERR_SOCKET)', () => says(BROKEN)],
    [
      'reset',
      'the connection was reset (ECONNRESET)',
      () =>
        tcp((socket) =>
          socket.once('data', () =>
            socket.write(BROKEN, () => setTimeout(() => socket.resetAndDestroy(), 50)),
          ),
        ),
    ],
    [
      'shorter than it says',
      'the answer does not match its Content-Length (UND_ERR_RES_CONTENT_LENGTH_MISMATCH)',
      () => says(http('200 OK', '{', 'content-length: 100\r\n')),
    ],
    ['silent', 'timed out', () => says(BROKEN, { ends: false })],
    [
      'badly chunked',
      'the answer is not HTTP',
      () => says(http('200 OK', 'zz\r\n', 'transfer-encoding: chunked\r\n')),
    ],
    [
      'compressed',
      'the answer is compressed, though the request did not allow it (COMPRESSED)',
      () => says(http('200 OK', 'xx', 'content-encoding: gzip\r\ncontent-length: 2\r\n')),
    ],
  ])('an answer 200 that is %s half-way, with its status', async (_name, words, start) => {
    expect(await attempt(address(await start()))).toEqual({
      result: 'unknown',
      status: 200,
      error: `answered 200, but could not be read: ${words}`,
      retryAfterSeconds: null,
    });
  });

  it('a request whose first try died with its old connection, also where no second one can be made', async () => {
    let requests = 0;
    const server = createTcpServer((socket) => {
      socket.on('data', () => {
        requests += 1;
        if (requests === 1) socket.write('HTTP/1.1 500 x\r\ncontent-length: 0\r\n\r\n');
        else {
          server.close();
          socket.resetAndDestroy();
        }
      });
    });
    const port = await serve(server);
    expect(await attempt(address(port))).toMatchObject({ result: 'failed', status: 500 });
    expect(await attempt(address(port))).toMatchObject({ result: 'unknown', status: null });
    expect(requests).toBe(2);
  });
});

describe('an answer, however it is told, keeps its status', () => {
  it.each<[string, number, string, string]>([
    [
      'a proxy that asks for credentials',
      407,
      http('407 x', '', 'proxy-authenticate: Basic\r\ncontent-length: 0\r\n'),
      ': a proxy asks for credentials',
    ],
    [
      'a redirect',
      307,
      http('307 x', '', 'location: https://user:sesame@other.example/\r\ncontent-length: 0\r\n'),
      ': a redirect; signed results never follow redirects',
    ],
    [
      'a redirect to nowhere',
      302,
      http('302 x', '', 'location: http://[::\r\ncontent-length: 0\r\n'),
      ': a redirect; signed results never follow redirects',
    ],
    [
      'a gateway that cannot be read to its end',
      502,
      http('502 x', 'half', 'content-length: 100\r\n'),
      ', but could not be read: the answer does not match its Content-Length (UND_ERR_RES_CONTENT_LENGTH_MISMATCH)',
    ],
    ['a status that nobody knows', 999, http('999 x'), ''],
  ])('%s', async (_name, status, text, words) => {
    expect(await attempt(address(await says(text)))).toEqual({
      result: 'failed',
      status,
      error: `answered ${status}${words}`,
      retryAfterSeconds: null,
    });
  });

  it('that says when to retry, also when it cannot be read to its end', async () => {
    const port = await says(http('503 x', 'half', 'retry-after: 90\r\ncontent-length: 100\r\n'));
    expect(await attempt(address(port))).toMatchObject({
      result: 'failed',
      status: 503,
      retryAfterSeconds: 90,
    });
  });

  it('of a subscriber is delivered by its status alone, also when it cannot be read to its end', async () => {
    const port = await says(http('204 x', '', 'content-length: 100\r\n'));
    expect(await attempt(address(port), { expects: 'any_2xx' })).toMatchObject({
      result: 'delivered',
      status: 204,
      error: null,
    });
    const broken = await says(http('200 OK', 'half', 'content-length: 100\r\n'));
    expect(await attempt(address(broken), { expects: 'any_2xx' })).toMatchObject({
      result: 'delivered',
      status: 200,
      error: null,
    });
  });

  it('over TLS with a good certificate is delivered', async () => {
    expect(await attempt(address(await secure('good'), 'https'))).toMatchObject({
      result: 'delivered',
      status: 200,
    });
  });

  it.each([
    // Both sizes ended the process of whoever decompressed them, or stopped reading them, without a cancellation.
    [
      'compressed',
      gzipSync(Buffer.alloc(200 * 1024 * 1024)),
      ', but could not be read: the answer is compressed, though the request did not allow it (COMPRESSED)',
    ],
    ['plain', Buffer.alloc(8 * 1024 * 1024, 'a'), ''],
  ])('is read no further than it is needed: %s', async (kind, body, words) => {
    const encoding = kind === 'compressed' ? 'content-encoding: gzip\r\n' : '';
    const head = http('500 x', '', `${encoding}content-length: ${body.byteLength}\r\n`);
    const port = await says(Buffer.concat([Buffer.from(head), body]));
    const before = process.memoryUsage();
    expect(await attempt(address(port))).toMatchObject({ status: 500, error: `answered 500${words}` });
    const { arrayBuffers, external } = process.memoryUsage();
    expect(arrayBuffers - before.arrayBuffers).toBeLessThan(16 * 1024 * 1024);
    expect(external - before.external).toBeLessThan(16 * 1024 * 1024);
    // Until our side has closed the connection: an assertion in it would fail this run.
    await vi.waitFor(() => expect(sockets.size).toBe(0), 10_000);
  });
});
