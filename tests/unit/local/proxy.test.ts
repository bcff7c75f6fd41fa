import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { forward } from '../../../tools/local/proxy.ts';

const open: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

async function listen(server: net.Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // Safe: it listens on a port, not on a pipe.
  return (server.address() as AddressInfo).port;
}

/** A function that does this with each request, and the proxy before it, which waits for `gate` before it passes one on. */
async function bed(handle: http.RequestListener, gate: Promise<unknown> = Promise.resolve()) {
  const agent = new http.Agent({ keepAlive: true });
  // What Node does after a minute, done at once: an idle connection with half a request on it is answered 408.
  const limits = { headersTimeout: 200, requestTimeout: 200, connectionsCheckingInterval: 50 };
  const upstream = http.createServer(limits, handle);
  const port = await listen(upstream);
  const settled: string[] = [];
  const front = http.createServer((request, response) => {
    void gate
      .then(() => forward(request, response, { port, agent }))
      .then(
        () => settled.push('settled'),
        (error: unknown) => settled.push(String(error)),
      );
  });
  const frontPort = await listen(front);
  open.push(async () => {
    agent.destroy();
    for (const server of [front, upstream]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });
  return { frontPort, settled, upstream };
}

/** A client that sends this, and leaves when it is told to. */
async function client(port: number, text: string) {
  const socket = net.connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  let got = '';
  socket.on('data', (bytes) => (got += String(bytes)));
  await once(socket, 'connect');
  socket.write(text);
  return { socket, got: () => got, leave: () => socket.resetAndDestroy() };
}

const answers: http.RequestListener = (request, response) => {
  request.resume();
  request.on('end', () => response.end('answer'));
};

/** Whatever was left open comes to an end by itself, and nothing is thrown: vitest fails the run for that. */
async function expectCalm({ settled, upstream, frontPort }: Awaited<ReturnType<typeof bed>>, count: number) {
  await vi.waitFor(() => expect(settled).toEqual(Array.from({ length: count }, () => 'settled')), 10_000);
  await vi.waitFor(async () => {
    const pending = await new Promise((resolve) => upstream.getConnections((_error, many) => resolve(many)));
    expect(pending).toBeLessThanOrEqual(1);
  }, 10_000);
  await new Promise((resolve) => setTimeout(resolve, 300));
  // The next client is served.
  const next = await client(frontPort, 'GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
  await vi.waitFor(() => expect(next.got()).toContain('answer'), 10_000);
}

describe('a client that leaves', () => {
  it.each([
    ['without a body', 'GET / HTTP/1.1\r\nhost: x\r\n\r\n'],
    ['in the middle of its body', 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf'],
    [
      'in the middle of a body without a length',
      'POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n',
    ],
  ])('before its request is passed on, %s', async (_name, text) => {
    const gate = Promise.withResolvers<undefined>();
    const proxy = await bed(answers, gate.promise);
    for (let i = 0; i < 3; i += 1) {
      const gone = await client(proxy.frontPort, text);
      // Until the request has come.
      await new Promise((resolve) => setTimeout(resolve, 30));
      gone.leave();
      await once(gone.socket, 'close');
    }
    await new Promise((resolve) => setTimeout(resolve, 30));
    gate.resolve(undefined);
    await expectCalm(proxy, 3);
  });

  it.each([
    ['its body', 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf'],
    [
      'a body without a length',
      'POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n',
    ],
  ])('in the middle of %s', async (_name, text) => {
    const proxy = await bed(answers);
    const gone = await client(proxy.frontPort, text);
    await new Promise((resolve) => setTimeout(resolve, 30));
    gone.leave();
    await expectCalm(proxy, 1);
  });

  it('before the answer', async () => {
    const reached = Promise.withResolvers<http.ServerResponse>();
    const proxy = await bed((request, response) => {
      if (request.url === '/slow') reached.resolve(response);
      else answers(request, response);
    });
    const gone = await client(proxy.frontPort, 'GET /slow HTTP/1.1\r\nhost: x\r\n\r\n');
    const response = await reached.promise;
    gone.leave();
    await vi.waitFor(() => expect(proxy.settled).toHaveLength(1), 10_000);
    response.end('too late');
    await expectCalm(proxy, 1);
  });

  it('in the middle of the answer', async () => {
    const proxy = await bed((request, response) => {
      if (request.url === '/long') {
        response.on('error', () => undefined);
        response.write('a'.repeat(1000));
        const timer = setInterval(() => response.write('a'.repeat(100_000)), 5);
        response.on('close', () => clearInterval(timer));
      } else answers(request, response);
    });
    const gone = await client(proxy.frontPort, 'GET /long HTTP/1.1\r\nhost: x\r\n\r\n');
    await vi.waitFor(() => expect(gone.got()).toContain('aaa'), 10_000);
    gone.leave();
    await expectCalm(proxy, 1);
  });
});

describe('a function that fails', () => {
  it.each<[string, (socket: net.Socket) => void, string]>([
    ['ends before its answer', (socket) => socket.resetAndDestroy(), '502'],
    ['answers something else than HTTP', (socket) => socket.end('hello\r\n\r\n'), '502'],
    [
      'answers with a header that cannot be passed on',
      (socket) => socket.end('HTTP/1.1 200 OK\r\nx: \u0007\r\n\r\n'),
      '502',
    ],
  ])('%s', async (_name, act, status) => {
    const upstream = net.createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => act(socket));
    });
    const port = await listen(upstream);
    const agent = new http.Agent();
    const front = http.createServer((request, response) => void forward(request, response, { port, agent }));
    const frontPort = await listen(front);
    open.push(async () => {
      front.closeAllConnections();
      await new Promise((resolve) => front.close(resolve));
      await new Promise((resolve) => upstream.close(resolve));
    });
    const asked = await client(frontPort, 'GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    await vi.waitFor(() => expect(asked.got()).toContain(` ${status} `), 10_000);
    expect(asked.got()).toContain('application/problem+json');
  });
});
