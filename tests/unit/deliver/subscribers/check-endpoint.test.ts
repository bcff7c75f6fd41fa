import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { gunzipSync, gzipSync, zstdDecompressSync } from 'node:zlib';
import { Webhook } from 'standardwebhooks';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { PROBES, probe, type Probe } from '../../../../src/contracts/endpoint-checks.ts';
import type { Compression } from '../../../../src/contracts/compression.ts';
import { systemClock } from '../../../../src/server/clock.ts';
import { checkEndpoint } from '../../../../src/server/deliver/subscribers/check-endpoint.ts';
import type { SubscriberSender } from '../../../../src/server/deliver/subscribers/call-subscriber.ts';
import {
  mintSecret,
  parseEndpointKeys,
  sealSecret,
} from '../../../../src/server/deliver/subscribers/endpoint-secrets.ts';
import { createOutbound } from '../../../../src/server/deliver/subscribers/outbound.ts';
import { failingServers, http } from '../../../support/failing-servers.ts';

const TIMEOUT_MS = 1000;
const ENDPOINT = 'ep-0123456789abcdef';
const endpointKeys = parseEndpointKeys(`k1:${Buffer.alloc(32, 1).toString('base64')}`);
const secret = mintSecret();
const sender: SubscriberSender = {
  ...systemClock,
  outbound: createOutbound({ hosts: ['127.0.0.1'], ownAddresses: [] }),
  endpointKeys,
  timeoutMs: TIMEOUT_MS,
};
const servers = failingServers();
afterEach(() => servers.close());

interface Incoming {
  headers: IncomingHttpHeaders;
  body: string;
}
/** Answers in the place of a good receiver; undefined: it does what a good one does. */
type Instead = (incoming: Incoming, response: ServerResponse) => unknown;

/** A receiver that does all as it should, but what is done instead. Answers its port and what came. */
async function receiver(instead: Instead = () => undefined) {
  const seen: Incoming[] = [];
  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
    const request = { headers: incoming.headers, body: decompressed(incoming, Buffer.concat(chunks)) };
    seen.push(request);
    if (instead(request, response) !== undefined) return;
    const event = verified(request);
    if (event === undefined) response.writeHead(401).end();
    else response.end(JSON.stringify({ nonce: event.data.nonce }));
  }
  const server = createServer((incoming, response) => {
    handle(incoming, response).catch(() => response.destroy());
  });
  return { port: await servers.serve(server), seen };
}

function decompressed({ headers }: IncomingMessage, bytes: Buffer): string {
  const coding = headers['content-encoding'];
  if (coding === 'gzip') return gunzipSync(bytes).toString();
  return (coding === 'zstd' ? zstdDecompressSync(bytes) : bytes).toString();
}

function verified({ headers, body }: Incoming): { data: { nonce: string } } | undefined {
  try {
    // Safe: none of these headers is repeated, and what is signed has our form.
    return new Webhook(secret).verify(body, headers as Record<string, string>) as { data: { nonce: string } };
  } catch {
    return undefined;
  }
}

const echo = ({ body }: Incoming, response: ServerResponse) =>
  response.end(JSON.stringify({ nonce: (JSON.parse(body) as { data: { nonce: string } }).data.nonce }));

async function check(
  port: number,
  change: Partial<SubscriberSender> = {},
  compression: Compression = 'none',
): Promise<Probe[]> {
  const probes = await checkEndpoint(
    { ...sender, ...change },
    {
      endpoint_id: ENDPOINT,
      url: `http://127.0.0.1:${port}/hook`,
      sealed_secrets: [sealSecret(endpointKeys, ENDPOINT, secret)],
      compression,
    },
  );
  return probe.array().parse(probes);
}

const failures = (probes: readonly Probe[]) =>
  probes.filter(({ ok }) => !ok).map(({ name, detail }) => `${name}: ${detail}`);
const named = (probes: readonly Probe[], name: Probe['name']) => probes.find((each) => each.name === name);

describe('a receiver that does all as it should', () => {
  it('passes every probe', async () => {
    const { port, seen } = await receiver();
    const probes = await check(port);
    expect(failures(probes)).toEqual([]);
    expect(probes.map(({ name }) => name)).toEqual(PROBES.filter((name) => name !== 'compressed'));
    expect(probes.map(({ detail }) => detail.replace(/\d+ ms/g, 'N ms'))).toEqual([
      'A signed ping was answered 200 with its nonce in N ms.',
      'It refused a request with a forged signature (401).',
      'It refused a request that was signed an hour ago (401).',
      'It refused a request whose body was changed after it was signed (401).',
      'It accepted a repeated ping (200).',
      'It accepted a body of 900 KB in N ms.',
      'No answer was a redirect.',
      'The slowest of 6 answers took N ms; the limit is N ms.',
    ]);
    expect(probes.every(({ advice }) => advice === null)).toBe(true);
    const [ping, forged, old, changed, repeated, large] = seen;
    expect(seen).toHaveLength(6);
    expect(Buffer.byteLength(ping?.body ?? '')).toBeGreaterThan(150);
    expect(Buffer.byteLength(ping?.body ?? '')).toBeLessThan(250);
    expect(Buffer.byteLength(large?.body ?? '')).toBe(900 * 1024);
    expect([repeated?.body, repeated?.headers['webhook-id']]).toEqual([
      ping?.body,
      ping?.headers['webhook-id'],
    ]);
    const ids = [ping, forged, old, changed, large].map((each) => each?.headers['webhook-id']);
    expect(new Set(ids).size).toBe(5);
    expect(
      [ping, forged, old, changed, repeated, large].map((each) => each && verified(each) !== undefined),
    ).toEqual([true, false, false, false, true, true]);
    for (const each of seen) expect(() => JSON.parse(each.body) as unknown).not.toThrow();
  });
});

it('waits at most 30 s for each answer: seven of them must fit into the time of a function', async () => {
  const { port } = await receiver();
  expect(named(await check(port, { timeoutMs: 60_000 }), 'time')?.detail).toMatch(/the limit is 30000 ms\.$/);
});

describe('where the settings ask for compression', () => {
  it.each(['gzip', 'zstd'] as const)(
    'a ping in %s is sent too, signed over what it holds',
    async (coding) => {
      const { port, seen } = await receiver();
      const probes = await check(port, {}, coding);
      expect(failures(probes)).toEqual([]);
      expect(probes.map(({ name }) => name)).toEqual([...PROBES]);
      expect(named(probes, 'compressed')?.detail).toMatch(
        new RegExp(`^It answered a signed ping in ${coding} with its nonce in \\d+ ms\\.$`),
      );
      expect(seen.map(({ headers }) => headers['content-encoding'])).toEqual([
        ...Array.from({ length: 6 }, () => undefined),
        coding,
      ]);
    },
  );

  it.each<[string, number, string]>([
    ['refuses the coding', 415, 'It did not accept a signed ping in gzip: answered 415.'],
    ['does not decompress', 401, 'It did not accept a signed ping in gzip: answered 401.'],
    [
      'answers without the nonce',
      204,
      'It answered a signed ping in gzip with 204, but without the requested nonce.',
    ],
  ])('a receiver that %s is told what to do, and that nothing is lost', async (_name, status, detail) => {
    const { port } = await receiver(({ headers }, response) =>
      headers['content-encoding'] === undefined ? undefined : response.writeHead(status).end(),
    );
    const probes = await check(port, {}, 'gzip');
    expect(failures(probes)).toEqual([`compressed: ${detail}`]);
    expect(named(probes, 'compressed')?.advice).toMatch(
      /Decompress .* or set compression to none\. .* nothing is lost\.$/,
    );
  });
});

describe('without a good answer to the ping nothing else is sent', () => {
  const CONNECTION = 'Correct the URL, or the DNS record, the certificate or the firewall of its host.';
  it.each<[string, Instead, string, RegExp]>([
    [
      'an answer without the nonce',
      (_incoming, response) => response.end('ok'),
      'A signed ping was answered 200, but without the requested nonce.',
      /data\.nonce/,
    ],
    [
      'another nonce',
      (_incoming, response) => response.end('{"nonce":"a"}'),
      'A signed ping was answered 200, but without the requested nonce.',
      /data\.nonce/,
    ],
    [
      'the nonce, compressed',
      ({ body }, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(body)),
      'A signed ping was answered 200, but without the requested nonce.',
      /not compressed/,
    ],
    [
      'a redirect',
      (_incoming, response) => response.writeHead(308, { location: '/x' }).end(),
      'A signed ping failed: answered 308: a redirect; signed results never follow redirects.',
      /final address/,
    ],
    [
      'another secret',
      (_incoming, response) => response.writeHead(401).end(),
      'A signed ping failed: answered 401.',
      /Compare the secret/,
    ],
    [
      'another path',
      (_incoming, response) => response.writeHead(404).end(),
      'A signed ping failed: answered 404.',
      /path of the URL/,
    ],
    [
      'a limit',
      (_incoming, response) => response.writeHead(429).end(),
      'A signed ping failed: answered 429.',
      /Raise the limit/,
    ],
    [
      'the end of it',
      (_incoming, response) => response.writeHead(410).end(),
      'A signed ping failed: answered 410.',
      /answered 410 \(gone\)/,
    ],
    [
      'an error',
      (_incoming, response) => response.writeHead(500).end(),
      'A signed ping failed: answered 500.',
      /log of the endpoint/,
    ],
    [
      'a reset connection',
      (_incoming, response) => response.socket?.resetAndDestroy() ?? true,
      'A signed ping failed: no answer: the connection was reset (ECONNRESET).',
      /log of the endpoint/,
    ],
    ['silence', () => true, 'A signed ping failed: no answer: timed out.', /Store the event, answer 2xx/],
    [
      'an answer that does not end',
      (_incoming, response) => response.write('{'),
      'A signed ping was answered 200, but the answer was not complete in time.',
      /Store the event, answer 2xx/,
    ],
  ])('%s', async (_name, instead, detail, advice) => {
    const { port, seen } = await receiver(instead);
    const probes = await check(port);
    expect(probes).toEqual([
      { name: 'ping', ok: false, detail, advice: expect.stringMatching(advice) as string },
    ]);
    expect(seen).toHaveLength(1);
  });

  it('no connection', async () => {
    expect(await check(await servers.unused())).toEqual([
      {
        name: 'ping',
        ok: false,
        detail: 'A signed ping failed: not sent: the connection was refused (ECONNREFUSED).',
        advice: CONNECTION,
      },
    ]);
  });

  it('an address that is not on the public internet', async () => {
    const outbound = createOutbound({ hosts: ['hooks.example.org'], ownAddresses: [] });
    const [first, ...others] = await check(await servers.unused(), { outbound });
    expect(first).toMatchObject({ ok: false, advice: CONNECTION });
    expect(others).toEqual([]);
  });

  it('a secret that cannot be opened', async () => {
    const outbound = vi.fn();
    const endpoint = {
      endpoint_id: 'ep-ffffffffffffffff',
      url: 'http://127.0.0.1:1/',
      sealed_secrets: [sealSecret(endpointKeys, ENDPOINT, secret)],
      compression: 'none' as const,
    };
    await expect(checkEndpoint({ ...sender, outbound }, endpoint)).rejects.toMatchObject({
      name: 'SecretUnreadable',
      keyId: 'k1',
    });
    expect(outbound).not.toHaveBeenCalled();
  });
});

describe('a receiver', () => {
  it('that verifies nothing is told of each thing that it accepts', async () => {
    const { port } = await receiver(echo);
    const probes = await check(port);
    expect(failures(probes)).toEqual([
      'forged: It accepted a request with a forged signature (200).',
      'old: It accepted a request that was signed an hour ago (200).',
      'changed: It accepted a request whose body was changed after it was signed (200).',
    ]);
    expect(named(probes, 'forged')?.advice).toMatch(/standardwebhooks/);
    expect(named(probes, 'old')?.advice).toMatch(/more than 5 minutes/);
  });

  it('that verifies, but not when it was signed', async () => {
    const { port } = await receiver((incoming, response) => {
      const now = String(Math.floor(Date.now() / 1000));
      const isOld = Number(now) - Number(incoming.headers['webhook-timestamp']) > 1000;
      return isOld ? echo(incoming, response) : undefined;
    });
    expect(failures(await check(port))).toEqual([
      'old: It accepted a request that was signed an hour ago (200).',
    ]);
  });

  it('that breaks where it should refuse', async () => {
    const { port } = await receiver((incoming, response) =>
      verified(incoming) === undefined ? response.writeHead(500).end() : undefined,
    );
    expect(failures(await check(port))).toEqual([
      'forged: It failed on a request with a forged signature instead of refusing it with a 4xx: answered 500.',
      'old: It failed on a request that was signed an hour ago instead of refusing it with a 4xx: answered 500.',
      'changed: It failed on a request whose body was changed after it was signed instead of refusing it with a 4xx: answered 500.',
    ]);
  });

  it('that limits us in the middle of it', async () => {
    let requests = 0;
    const { port } = await receiver((_incoming, response) => {
      requests += 1;
      return requests === 2 ? response.writeHead(429).end() : undefined;
    });
    expect(failures(await check(port))).toEqual([
      'forged: No result for a request with a forged signature: answered 429.',
    ]);
  });

  it('that redirects what it does not know', async () => {
    const { port } = await receiver((incoming, response) =>
      verified(incoming) === undefined ? response.writeHead(302, { location: '/login' }).end() : undefined,
    );
    const probes = await check(port);
    expect(failures(probes)).toContain('redirects: 3 of 6 answers were redirects (302).');
    expect(named(probes, 'forged')?.ok).toBe(false);
  });

  it('that fails on an event that it has seen', async () => {
    const ids = new Set<unknown>();
    const { port } = await receiver(({ headers }, response) => {
      const isNew = ids.size < ids.add(headers['webhook-id']).size;
      return isNew ? undefined : response.writeHead(409).end();
    });
    const probes = await check(port);
    expect(failures(probes)).toEqual(['repeated: It did not accept a repeated ping: answered 409.']);
    expect(named(probes, 'repeated')?.advice).toMatch(/known webhook-id/);
  });

  it.each([
    [413, []],
    [400, ['large: It should accept a body of 900 KB or refuse it with 413: answered 400.']],
  ])('that answers %i to a large body', async (status, expected) => {
    const { port } = await receiver(({ body }, response) =>
      body.length > 100_000 ? response.writeHead(status).end() : undefined,
    );
    const probes = await check(port);
    expect(failures(probes)).toEqual(expected);
    expect(named(probes, 'large')?.advice).toMatch(/set its body to thin/);
  });

  it('that cuts a large body off', async () => {
    const port = await servers.tcp((socket) => {
      let bytes = 0;
      let head = '';
      socket.on('data', (chunk: Buffer) => {
        bytes += chunk.byteLength;
        head += chunk.toString('latin1').slice(0, 5000);
        if (bytes > 50_000) socket.resetAndDestroy();
        else if (bytes < 5000)
          socket.end(http('200 OK', JSON.stringify({ nonce: /"nonce":"(\w+)"/.exec(head)?.[1] })));
      });
    });
    const large = named(await check(port), 'large');
    expect(large?.ok).toBe(false);
    expect(large?.detail).toMatch(/^It should accept a body of 900 KB or refuse it with 413: no answer: /);
  });

  it('that is slow is told so, and fails only when it is too slow', async () => {
    const slow = (afterMs: number) =>
      receiver((incoming, response) => {
        if (verified(incoming) === undefined) return undefined;
        setTimeout(() => echo(incoming, response), afterMs);
        return true;
      });
    const time = named(await check((await slow(600)).port), 'time');
    expect(time).toMatchObject({ ok: true, advice: expect.stringMatching(/answer 2xx/) as string });
    let requests = 0;
    const { port } = await receiver(() => {
      requests += 1;
      return requests === 5 ? true : undefined;
    });
    expect(failures(await check(port))).toEqual([
      'repeated: It did not accept a repeated ping: no answer: timed out.',
      'time: 1 of 6 answers did not arrive within 1000 ms.',
    ]);
  });
});
