import { once } from 'node:events';
import { createServer, type Server as HttpServer, type RequestListener } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import tls from 'node:tls';
import { Agent, request } from 'undici';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { NeverSent } from '../../../../src/server/deliver/connection-words.ts';
import {
  checkedConnect,
  createOutbound,
  type OutboundOptions,
} from '../../../../src/server/deliver/subscribers/outbound.ts';
import { readStart } from '../../../../src/server/http/read-start.ts';
import { pem, trustTestAuthority } from '../../../support/failing-servers.ts';
import { isPublicAddress } from '../../../../src/server/deliver/subscribers/public-address.ts';

/** Listeners that nobody may reach, on one port of all addresses of this machine, and what reached them. */
const connections: string[] = [];
const decoys: Server[] = [];
let port = 0;

async function listen(server: Server, host: string, at: number): Promise<number> {
  server.listen(at, host);
  await once(server, 'listening');
  // Safe: it listens on a port, not on a pipe.
  return (server.address() as AddressInfo).port;
}

let distrust: () => void;
beforeAll(async () => {
  distrust = trustTestAuthority();
  for (const host of ['127.0.0.1', '127.0.0.2', '::1']) {
    const decoy = createTcpServer((socket) => {
      connections.push(host);
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\ndecoy'));
    });
    decoys.push(decoy);
    port = await listen(decoy, host, port);
  }
});
afterEach(() => {
  connections.length = 0;
});
afterAll(() => {
  distrust();
  for (const decoy of decoys) decoy.close();
});

const TIMEOUT_MS = 2000;
const production: OutboundOptions = {
  hosts: ['hooks.example.org', '*.evil.example'],
  ownAddresses: ['https://polaris.example.com/api/webhooks'],
};
const local: OutboundOptions = { hosts: ['localhost', '127.0.0.1', '[::1]'], ownAddresses: [] };

async function call(options: OutboundOptions, url: string, headers: Record<string, string> = {}) {
  const send = createOutbound(options);
  const body = new TextEncoder().encode('{}');
  const answer = await send({ url, headers, body, signal: AbortSignal.timeout(TIMEOUT_MS) });
  return { status: answer.status, text: (await readStart(answer, 1000)).text };
}

/** The error that ended it, which must be one of ours. */
async function refusal(call: Promise<unknown>): Promise<string> {
  const error: unknown = await call.then(
    () => new Error('it was answered'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof NeverSent)) throw new Error('not refused', { cause: error });
  return error.message;
}

const NOT_PUBLIC = 'the host has an address that is not on the public internet';

/** Where `0` stands in a URL, it takes the port of the decoys. */
const at = (url: string) => url.replace(':0', `:${port}`);

it('reaches the decoys when no check prevents the call', async () => {
  for (const host of ['127.0.0.1', '[::1]', 'localhost']) {
    const url = at(`http://${host}:0/`);
    expect(await call({ ...local, resolve: () => Promise.resolve(['127.0.0.1']) }, url)).toEqual({
      status: 200,
      text: 'decoy',
    });
  }
  expect(connections).toEqual(['127.0.0.1', '::1', '127.0.0.1']);
});

describe('no connection is made for', () => {
  it.each([
    // The loopback and this machine, in every spelling that a URL may have.
    'http://127.0.0.1:0/',
    'https://127.0.0.1:0/',
    'http://127.1:0/',
    'http://127.0.1:0/',
    'http://2130706433:0/',
    'http://0x7f000001:0/',
    'http://0x7f.1:0/',
    'http://0177.0.0.1:0/',
    'http://017700000001:0/',
    'http://127.0.0.1.:0/',
    'http://127.255.255.254:0/',
    'http://0.0.0.0:0/',
    'http://0:0/',
    'http://[::1]:0/',
    'http://[::]:0/',
    'http://[0:0:0:0:0:0:0:1]:0/',
    'http://[::ffff:127.0.0.1]:0/',
    'http://[::ffff:7f00:1]:0/',
    'http://[::127.0.0.1]:0/',
    'http://[64:ff9b::127.0.0.1]:0/',
    'http://[2002:7f00:1::]:0/',
    'http://①②⑦.⓪.⓪.①:0/',
    'http://127。0。0。1:0/',
    'http://%31%32%37.0.0.1:0/',
    'http://localhost:0/',
    'http://LOCALHOST.:0/',
    'http://ⓛocalhost:0/',
    'http://ip6-localhost:0/',
    // Clouds' metadata.
    'http://169.254.169.254/latest/meta-data/',
    'http://2852039166/latest/meta-data/',
    'http://[fd00:ec2::254]/latest/meta-data/',
    'http://[::ffff:169.254.169.254]/',
    'http://metadata.google.internal/',
    'http://100.100.100.200/',
    // Hosts that look like one that is listed.
    'https://hooks.example.org@127.0.0.1:0/',
    'https://hooks.example.org:x@127.0.0.1:0/',
    'https://127.0.0.1:0/#@hooks.example.org',
    'https://127.0.0.1:0\\@hooks.example.org/',
    'https://hooks.example.org.evil.example2:0/',
    'https://hooks.example.org%00.evil.example:0/',
    'https://hooks.example.org%2f.evil.example:0/',
    'https://evil.example:0/',
    'https://hooks.example.org:22/',
    'http://hooks.example.org:0/',
    'https://polaris.example.com/api/cron/sweep',
    'gopher://127.0.0.1:0/',
    'file:///etc/passwd',
    'unix:/var/run/docker.sock',
  ])('the URL %s', async (url) => {
    const resolve = () => Promise.resolve(['127.0.0.1']);
    expect(await refusal(call({ ...production, resolve }, at(url)))).toMatch(/^the URL (must|has|is) /);
    expect(connections).toEqual([]);
  });

  // Without the rules for URLs, so that the check at the connection stands alone.
  it.each([
    'http://127.0.0.1:0/',
    'http://127.1:0/',
    'http://2130706433:0/',
    'http://0x7f.1:0/',
    'http://0177.0.0.1:0/',
    'http://0.0.0.0:0/',
    'http://[::1]:0/',
    'http://[::]:0/',
    'http://[::ffff:127.0.0.1]:0/',
    'http://[::127.0.0.1]:0/',
    'http://[64:ff9b::7f00:1]:0/',
    'https://127.0.0.1:0/',
    'https://[::1]:0/',
  ])('the literal %s', async (url) => {
    const resolve = vi.fn(() => Promise.resolve(['93.184.216.34']));
    const dispatcher = new Agent({
      connect: checkedConnect({ resolve, connectTimeoutMs: TIMEOUT_MS, loopback: false }),
    });
    expect(await refusal(request(at(url), { dispatcher, method: 'POST' }))).toBe(NOT_PUBLIC);
    expect(resolve).not.toHaveBeenCalled();
    expect(connections).toEqual([]);
  });

  it.each([
    ['the loopback', ['127.0.0.1']],
    ['the loopback', ['127.0.0.2']],
    ['the loopback', ['::1']],
    ['any address', ['0.0.0.0']],
    ['any address', ['::']],
    ['a private network', ['10.0.0.1']],
    ['a private network', ['172.16.0.1']],
    ['a private network', ['172.31.255.255']],
    ['a private network', ['192.168.1.1']],
    ['a provider’s network', ['100.64.0.1']],
    ['Alibaba Cloud’s metadata', ['100.100.100.200']],
    ['link-local addresses', ['169.254.0.1']],
    ['most clouds’ metadata', ['169.254.169.254']],
    ['Azure’s metadata', ['168.63.129.16']],
    ['Oracle Cloud’s metadata', ['192.0.0.192']],
    ['Amazon’s metadata', ['fd00:ec2::254']],
    ['documentation', ['192.0.2.1']],
    ['documentation', ['198.51.100.1']],
    ['documentation', ['203.0.113.1']],
    ['documentation', ['2001:db8::1']],
    ['documentation', ['3fff::1']],
    ['benchmarking', ['198.18.0.1']],
    ['benchmarking', ['2001:2::1']],
    ['6to4 relays', ['192.88.99.1']],
    ['multicast', ['224.0.0.1']],
    ['multicast', ['ff02::1']],
    ['reserved addresses', ['240.0.0.1']],
    ['the broadcast address', ['255.255.255.255']],
    ['IPv4-mapped', ['::ffff:127.0.0.1']],
    ['IPv4-mapped', ['::ffff:93.184.216.34']],
    ['IPv4-compatible', ['::127.0.0.1']],
    ['IPv4-translated', ['::ffff:0:127.0.0.1']],
    ['NAT64', ['64:ff9b::10.0.0.1']],
    ['NAT64 of its own', ['64:ff9b:1::10.0.0.1']],
    ['discarded', ['100::1']],
    ['Teredo', ['2001::1']],
    ['ORCHID', ['2001:20::1']],
    ['6to4', ['2002:7f00:1::1']],
    ['unique local', ['fc00::1']],
    ['unique local', ['fd12:3456::1']],
    ['link-local', ['fe80::1']],
    ['link-local, with a zone', ['fe80::1%lo']],
    ['site-local', ['fec0::1']],
    ['segment routing', ['5f00::1']],
    ['a public address with a zone', ['2606:4700::1111%lo']],
    ['nothing that is an address', ['hooks.example.org']],
    ['a public and a private address', ['93.184.216.34', '127.0.0.1']],
    ['a private and a public address', ['::1', '2606:4700::1111']],
  ])('a name that resolves to %s: %j', async (_kind, addresses) => {
    const options = { ...production, resolve: () => Promise.resolve(addresses) };
    expect(await refusal(call(options, at('https://a.evil.example:0/')))).toBe(NOT_PUBLIC);
    expect(connections).toEqual([]);
  });

  it('a name without an address', async () => {
    const options = { ...production, resolve: () => Promise.resolve([]) };
    expect(await refusal(call(options, 'https://a.evil.example/'))).toBe('the host name has no address');
  });

  it.each(['authorization', 'x-vercel-protection-bypass', 'apikey', 'cookie', 'Authorization', 'host'])(
    'a request with the header %s',
    async (name) => {
      const asked = call(local, at('http://127.0.0.1:0/'), { [name]: 'sesame' });
      expect(await refusal(asked)).toBe(`the header ${name} is not for subscribers`);
      expect(connections).toEqual([]);
    },
  );
});

it('lets public addresses pass', () => {
  const addresses = [
    '93.184.216.34',
    '8.8.8.8',
    '172.32.0.1',
    '100.128.0.1',
    '2606:4700::1111',
    '2a00:1450::1',
  ];
  expect(addresses.filter((address) => !isPublicAddress(address))).toEqual([]);
});

describe('a resolver that changes its mind', () => {
  it('is asked once for a connection, and what it said then is dialled', async () => {
    // The machine's own resolver says 127.0.0.1 or ::1.
    const answers = [['127.0.0.2'], ['127.0.0.1'], ['10.0.0.1']];
    const resolve = vi.fn(() => Promise.resolve(answers.shift() ?? []));
    const url = at('http://localhost:0/');
    expect(await call({ ...local, resolve }, url)).toMatchObject({ status: 200 });
    expect(resolve).toHaveBeenCalledTimes(1);
    expect(connections).toEqual(['127.0.0.2']);
  });

  it('is asked again for the next call, which finds no old connection to use', async () => {
    const answers = [['127.0.0.1'], ['10.0.0.1']];
    const resolve = vi.fn(() => Promise.resolve(answers.shift() ?? []));
    const send = createOutbound({ ...local, resolve });
    const post = () =>
      send({
        url: at('http://localhost:0/'),
        headers: {},
        body: new Uint8Array(),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
    const first = await post();
    await readStart(first, 1000);
    expect(await refusal(post())).toBe(NOT_PUBLIC);
    expect(connections).toEqual(['127.0.0.1']);
  });

  it('and answers too late is not waited for', async () => {
    const resolve = () => new Promise<string[]>(() => undefined);
    const asked = call({ ...local, resolve, connectTimeoutMs: 100 }, at('http://localhost:0/'));
    expect(await refusal(asked)).toBe('the DNS server did not answer');
    expect(connections).toEqual([]);
  });

  it('and never answers costs the time that the call has', async () => {
    const options = { ...local, resolve: () => new Promise<string[]>(() => undefined) };
    const send = createOutbound(options);
    const asked = send({
      url: at('http://localhost:0/'),
      headers: {},
      body: new Uint8Array(),
      signal: AbortSignal.timeout(100),
    });
    await expect(asked).rejects.toMatchObject({ name: 'TimeoutError' });
    expect(connections).toEqual([]);
  });
});

describe('a call over TLS', () => {
  const open: Server[] = [];
  afterEach(() => {
    for (const server of open.splice(0)) server.close();
  });

  async function secure(certificate: string, options: tls.TlsOptions = {}) {
    const names: (string | false | undefined)[] = [];
    let requests = 0;
    const server = tls.createServer(
      { key: pem('server-key'), cert: pem(certificate), ...options },
      (socket) => {
        // Node's types leave it out.
        names.push((socket as tls.TLSSocket & { servername?: string | false }).servername);
        socket.on('error', () => undefined);
        socket.once('data', () => {
          requests += 1;
          socket.end('HTTP/1.1 204 No Content\r\n\r\n');
        });
      },
    );
    server.on('tlsClientError', () => undefined);
    open.push(server);
    return { port: await listen(server, '127.0.0.1', 0), names, requests: () => requests };
  }

  const toLoopback = { ...local, resolve: () => Promise.resolve(['127.0.0.1']) };

  it('asks the checked address for the certificate of the name', async () => {
    const server = await secure('good');
    expect(await call(toLoopback, `https://localhost:${server.port}/`)).toMatchObject({ status: 204 });
    expect(server.names).toEqual(['localhost']);
  });

  it('asks a literal for a certificate of its address', async () => {
    const server = await secure('good');
    expect(await call(toLoopback, `https://127.0.0.1:${server.port}/`)).toMatchObject({ status: 204 });
    const other = await secure('wrong-host');
    await expect(call(toLoopback, `https://127.0.0.1:${other.port}/`)).rejects.toMatchObject({
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    });
  });

  it.each(['wrong-host', 'expired', 'self-signed', 'unknown-authority'])(
    'sends nothing to a certificate that is %s, also when it is retried',
    async (certificate) => {
      for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
        const server = await secure(certificate, { maxVersion });
        const send = createOutbound(toLoopback);
        for (let turn = 0; turn < 3; turn += 1) {
          const asked = send({
            url: `https://localhost:${server.port}/`,
            headers: {},
            body: new Uint8Array(),
            signal: AbortSignal.timeout(TIMEOUT_MS),
          });
          await expect(asked).rejects.toHaveProperty('code');
        }
        expect(server.requests()).toBe(0);
      }
    },
  );
});

describe('a call', () => {
  let server: HttpServer | undefined;
  let tcp: Server | undefined;
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
    tcp?.close();
  });

  function listenTo(onConnection: (socket: Socket) => void): Promise<number> {
    tcp = createTcpServer((socket) => {
      socket.on('error', () => undefined);
      onConnection(socket);
    });
    return listen(tcp, '127.0.0.1', 0);
  }

  async function answering(listener: RequestListener): Promise<string> {
    server = createServer(listener);
    return `http://127.0.0.1:${await listen(server, '127.0.0.1', 0)}/hook?a=b`;
  }

  it('has a connection of its own, that ends with it', async () => {
    const sockets = new Set<Socket>();
    const url = await answering((incoming, response) => {
      sockets.add(incoming.socket);
      response.end(incoming.headers.connection);
    });
    const send = createOutbound(local);
    for (let turn = 0; turn < 3; turn += 1) {
      const answer = await send({
        url,
        headers: {},
        body: new Uint8Array(),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      expect((await readStart(answer, 1000)).text).toBe('close');
    }
    expect(sockets.size).toBe(3);
    await vi.waitFor(() => expect([...sockets].every(({ destroyed }) => destroyed)).toBe(true), 10_000);
  });

  it('tries the checked addresses in turn', async () => {
    const url = await answering((_incoming, response) => response.end('here'));
    const { port: listening } = new URL(url);
    const resolve = () => Promise.resolve(['::1', '127.0.0.3', '127.0.0.1']);
    expect(await call({ ...local, resolve }, `http://localhost:${listening}/`)).toEqual({
      status: 200,
      text: 'here',
    });
  });

  it('tells nothing but what it was given, where it goes, and who sends it', async () => {
    let seen: unknown;
    const url = await answering((incoming, response) => {
      seen = { path: incoming.url, method: incoming.method, headers: incoming.headers };
      response.end();
    });
    await call(local, url, { 'content-type': 'application/json', 'webhook-id': 'evt_1' });
    expect(seen).toEqual({
      path: '/hook?a=b',
      method: 'POST',
      headers: {
        host: new URL(url).host,
        connection: 'close',
        'content-type': 'application/json',
        'content-length': '2',
        'webhook-id': 'evt_1',
        'user-agent': 'Polaris-Webhooks',
      },
    });
  });

  it('does not follow a redirect', async () => {
    const url = await answering((_incoming, response) => {
      response.writeHead(307, { location: at('http://127.0.0.1:0/') }).end();
    });
    expect(await call(local, url)).toEqual({ status: 307, text: '' });
    expect(connections).toEqual([]);
  });

  it('that is abandoned before its name is resolved leaves no connection behind', async () => {
    const sockets: Socket[] = [];
    const port = await listenTo((socket) => sockets.push(socket));
    let answer: (addresses: string[]) => void = () => undefined;
    const resolve = () => new Promise<string[]>((resolved) => (answer = resolved));
    const send = createOutbound({ ...local, resolve });
    const asked = send({
      url: `http://localhost:${port}/`,
      headers: {},
      body: new Uint8Array(),
      signal: AbortSignal.timeout(50),
    });
    await expect(asked).rejects.toMatchObject({ name: 'TimeoutError' });
    answer(['127.0.0.1']);
    await vi.waitFor(() => expect(sockets.map(({ bytesRead }) => bytesRead)).toEqual([0]), 10_000);
    await vi.waitFor(() => expect(sockets.map(({ destroyed }) => destroyed)).toEqual([true]), 3000);
  });

  it('to a host that never finishes the handshake of TLS ends in the time for connections', async () => {
    const sockets: Socket[] = [];
    const port = await listenTo((socket) => sockets.push(socket.resume()));
    const asked = call({ ...local, connectTimeoutMs: 200 }, `https://127.0.0.1:${port}/`);
    await expect(asked).rejects.toMatchObject({ code: 'UND_ERR_CONNECT_TIMEOUT' });
    await vi.waitFor(() => expect(sockets.map(({ destroyed }) => destroyed)).toEqual([true]), 10_000);
  });

  it('ends its connection when it is abandoned', async () => {
    const sockets = new Set<Socket>();
    const url = await answering((incoming) => {
      sockets.add(incoming.socket);
    });
    const send = createOutbound(local);
    const asked = send({ url, headers: {}, body: new Uint8Array(), signal: AbortSignal.timeout(200) });
    await expect(asked).rejects.toMatchObject({ name: 'TimeoutError' });
    await vi.waitFor(() => expect([...sockets].map(({ destroyed }) => destroyed)).toEqual([true]), 10_000);
  });
});
