import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import { gzipSync } from 'node:zlib';
import { Webhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../../../src/server/clock.ts';
import { claimedDelivery, type Subscriber } from '../../../../src/server/deliver/delivery.ts';
import {
  callSubscriber,
  type SubscriberSender,
} from '../../../../src/server/deliver/subscribers/call-subscriber.ts';
import {
  mintSecret,
  parseEndpointKeys,
  sealSecret,
} from '../../../../src/server/deliver/subscribers/endpoint-secrets.ts';
import { createOutbound } from '../../../../src/server/deliver/subscribers/outbound.ts';
import { failingServers, http, trustTestAuthority } from '../../../support/failing-servers.ts';

const TIMEOUT_MS = 500;
const ENDPOINT = 'ep-0123456789abcdef';
const TRACE = 'a'.repeat(32);
const endpointKeys = parseEndpointKeys(
  `k2:${Buffer.alloc(32, 2).toString('base64')} k1:${Buffer.alloc(32, 1).toString('base64')}`,
);
const secret = mintSecret();
const sealed = sealSecret(endpointKeys, ENDPOINT, secret);

const sender: SubscriberSender = {
  ...systemClock,
  outbound: createOutbound({ hosts: ['localhost', '127.0.0.1', 'hooks.example.org'], ownAddresses: [] }),
  endpointKeys,
  timeoutMs: TIMEOUT_MS,
};
const delivery = {
  event_id: 'evt_1',
  endpoint_id: ENDPOINT,
  job_id: 'job_1',
  trace_id: TRACE,
  body: JSON.stringify({ type: 'report.final.completed', data: { research_report: 'Grüße, 世界 🌍' } }),
};
const subscriber: Subscriber = {
  url: '',
  sealed_secrets: [sealed],
  position: 3,
  plan: 0,
  redriven: false,
  format_version: 2,
  compression: null,
};

const servers = failingServers();
const { tcp, says, sockets } = servers;
let distrust: () => void;
beforeAll(() => {
  distrust = trustTestAuthority();
});
afterEach(() => servers.close());
afterAll(() => {
  distrust();
});

const at = (port: number, scheme = 'http') => `${scheme}://127.0.0.1:${port}/hook?token=sesame`;

async function attempt(url: string, change: Partial<SubscriberSender> = {}) {
  const round = await callSubscriber({ ...sender, ...change }, delivery, { ...subscriber, url });
  expect(round.attempts).toHaveLength(1);
  const [{ status, error, authentic } = { status: undefined, error: undefined, authentic: undefined }] =
    round.attempts;
  return { result: round.result, status, error, authentic, retryAfterSeconds: round.retryAfterSeconds };
}

const failed = (status: number | null, error: string) => ({
  result: 'failed',
  status,
  error,
  authentic: false,
  retryAfterSeconds: null,
});

describe('what a subscriber gets', () => {
  async function sent(
    change: Partial<Subscriber> = {},
  ): Promise<{ headers: IncomingHttpHeaders; body: string }> {
    const seen: { headers: IncomingHttpHeaders; body: string }[] = [];
    const listener: RequestListener = (incoming, response) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => {
        seen.push({ headers: incoming.headers, body: Buffer.concat(chunks).toString('utf8') });
        response.writeHead(204).end();
      });
    };
    const port = await servers.serve(createServer(listener));
    const round = await callSubscriber(sender, delivery, { ...subscriber, url: at(port), ...change });
    expect(round.result).toBe('delivered');
    const [first] = seen;
    if (first === undefined) throw new Error('nothing came');
    return first;
  }

  it('is the bytes of the database, with our headers', async () => {
    const { headers, body } = await sent();
    expect(body).toBe(delivery.body);
    expect(headers).toEqual({
      host: expect.stringMatching(/^127\.0\.0\.1:\d+$/) as string,
      connection: 'close',
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(delivery.body)),
      'accept-encoding': 'identity',
      'user-agent': 'Polaris-Webhooks',
      'webhook-id': 'evt_1',
      'webhook-timestamp': expect.stringMatching(/^\d{10}$/) as string,
      'webhook-signature': expect.stringMatching(/^v1,[A-Za-z0-9+/]{43}=$/) as string,
      'polaris-version': '2026-12-01',
      'polaris-position': '3',
      traceparent: expect.stringMatching(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`)) as string,
    });
  });

  it.each<[string, Partial<Subscriber>, Record<string, string>]>([
    ['a replay', { plan: 7 }, { 'polaris-replay': '7' }],
    ['a redrive', { redriven: true }, { 'polaris-redrive': 'true' }],
    ['an older version', { format_version: 0 }, { 'polaris-version': '2024-01-01' }],
    ['our own version', { format_version: 1 }, { 'polaris-version': '2026-11-25' }],
  ])('says so when it is %s', async (_name, change, expected) => {
    const { headers } = await sent(change);
    expect(headers).toMatchObject(expected);
  });

  it('has no position when its event has none', async () => {
    const { headers } = await sent({ position: null });
    expect(headers).not.toHaveProperty('polaris-position');
  });

  it('is believed by the official libraries of Standard Webhooks and Svix, with one secret', async () => {
    const { headers, body } = await sent();
    // Safe: no header of ours is repeated.
    const flat = headers as Record<string, string>;
    expect(new Webhook(secret).verify(body, flat)).toEqual(JSON.parse(delivery.body));
    expect(new SvixWebhook(secret).verify(body, flat)).toEqual(JSON.parse(delivery.body));
    expect(() => new Webhook(mintSecret()).verify(body, flat)).toThrow('No matching signature found');
  });

  it('is believed with either of two secrets while one is rotated, sealed by different keys', async () => {
    const next = mintSecret();
    const { headers, body } = await sent({
      sealed_secrets: [
        sealSecret(endpointKeys, ENDPOINT, next),
        sealSecret(endpointKeys.slice(1), ENDPOINT, secret),
      ],
    });
    const flat = headers as Record<string, string>;
    for (const each of [next, secret]) {
      expect(new Webhook(each).verify(body, flat)).toEqual(JSON.parse(delivery.body));
      expect(new SvixWebhook(each).verify(body, flat)).toEqual(JSON.parse(delivery.body));
    }
    const [first = ''] = String(headers['webhook-signature']).split(' ');
    const onlyFirst = { ...flat, 'webhook-signature': first };
    expect(new Webhook(next).verify(body, onlyFirst)).toEqual(JSON.parse(delivery.body));
    expect(() => new Webhook(secret).verify(body, onlyFirst)).toThrow('No matching signature found');
    expect(() => new Webhook(mintSecret()).verify(body, flat)).toThrow('No matching signature found');
  });
});

describe('a subscriber that answers', () => {
  it.each(['200 OK', '201 Created', '202 Accepted', '204 No Content', '299 x'])(
    '%s has it',
    async (status) => {
      const port = await says(http(status));
      expect(await attempt(at(port))).toEqual({
        result: 'delivered',
        status: Number(status.slice(0, 3)),
        error: null,
        authentic: true,
        retryAfterSeconds: null,
      });
    },
  );

  it.each<[string, number, string, string]>([
    [
      'a redirect',
      302,
      http('302 x', '', 'location: /\r\ncontent-length: 0\r\n'),
      ': a redirect; signed results never follow redirects',
    ],
    [
      'a permanent redirect',
      308,
      http('308 x', '', 'location: /\r\ncontent-length: 0\r\n'),
      ': a redirect; signed results never follow redirects',
    ],
    ['that it is gone', 410, http('410 Gone'), ''],
    ['that it does not believe us', 401, http('401 x'), ''],
    ['with a problem of its own', 409, http('409 x', '{"code":"seen_it"}'), ' seen_it'],
    [
      'with a final problem code of ours',
      409,
      http('409 x', '{"code":"event_conflict","status":409}'),
      ' event_conflict',
    ],
    ['as a proxy that asks for credentials', 407, http('407 x'), ''],
    ['with an error', 500, http('500 x', 'oops'), ''],
    ['with a status that nobody knows', 999, http('999 x'), ''],
    ['not modified', 304, http('304 x'), ''],
  ])('%s does not have it', async (_name, status, text, words) => {
    expect(await attempt(at(await says(text)))).toEqual(failed(status, `answered ${status}${words}`));
  });

  it.each([429, 503])('%i says when it wants to be asked again', async (status) => {
    const port = await says(http(`${status} x`, '', 'retry-after: 120\r\ncontent-length: 0\r\n'));
    expect(await attempt(at(port))).toEqual({
      ...failed(status, `answered ${status}`),
      retryAfterSeconds: 120,
    });
  });

  it('has it by its status alone: what follows may be cut off, endless or compressed', async () => {
    const drip = await tcp((socket) =>
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
        const timer = setInterval(() => socket.write('1\r\na\r\n'), 20);
        socket.on('close', () => {
          clearInterval(timer);
        });
      }),
    );
    const texts = [
      http('200 OK', 'half', 'content-length: 100\r\n'),
      http('200 OK', 'xx', 'content-encoding: gzip\r\ncontent-length: 2\r\n'),
      http('200 OK', '{"a":1}'.repeat(130_000)),
    ];
    for (const port of [drip, ...(await Promise.all(texts.map((text) => says(text))))]) {
      expect(await attempt(at(port))).toMatchObject({ result: 'delivered', status: 200, error: null });
    }
    await vi.waitFor(() => expect(sockets.size).toBe(0), 10_000);
  });

  it.each([
    ['compressed', gzipSync(Buffer.alloc(200 * 1024 * 1024))],
    ['plain', Buffer.alloc(8 * 1024 * 1024, 'a')],
  ])(
    'with a large body is read no further than is needed, and never decompressed: %s',
    async (kind, body) => {
      const encoding = kind === 'compressed' ? 'content-encoding: gzip\r\n' : '';
      const head = http('500 x', '', `${encoding}content-length: ${body.byteLength}\r\n`);
      const port = await says(Buffer.concat([Buffer.from(head), body]));
      const before = process.memoryUsage();
      expect(await attempt(at(port))).toMatchObject({ result: 'failed', status: 500 });
      const { arrayBuffers, external } = process.memoryUsage();
      expect(arrayBuffers - before.arrayBuffers).toBeLessThan(16 * 1024 * 1024);
      expect(external - before.external).toBeLessThan(16 * 1024 * 1024);
      await vi.waitFor(() => expect(sockets.size).toBe(0), 10_000);
    },
  );

  it('with a header that is no ASCII is understood', async () => {
    const port = await says(Buffer.from(http('200 OK', '', 'x-town: Zürich 世界\r\ncontent-length: 0\r\n')));
    expect(await attempt(at(port))).toMatchObject({ result: 'delivered', status: 200 });
  });
});

describe('a subscriber whose answer is not known may have it', () => {
  it.each<[string, string, () => Promise<number>]>([
    ['that hangs', 'timed out', () => tcp((socket) => socket.resume())],
    [
      'that drips its headers',
      'timed out',
      () =>
        tcp((socket) =>
          socket.once('data', () => {
            socket.write('HTTP/1.1 200 OK\r\nx: ');
            const timer = setInterval(() => socket.write('a'), 20);
            socket.on('close', () => {
              clearInterval(timer);
            });
          }),
        ),
    ],
    [
      'that says nothing but interim answers',
      'timed out',
      () => says('HTTP/1.1 103 Early Hints\r\n\r\n', { ends: false }),
    ],
    [
      'that resets the connection',
      'the connection was reset (ECONNRESET)',
      () => tcp((socket) => socket.once('data', () => socket.resetAndDestroy())),
    ],
    [
      'that closes the connection',
      'the connection was closed (UND_ERR_SOCKET)',
      () => tcp((socket) => socket.once('data', () => socket.end())),
    ],
    ['that speaks another protocol', 'the answer is not HTTP', () => says('SSH-2.0-OpenSSH_9\r\n')],
    [
      'whose headers are too large',
      'the headers of the answer are too large (UND_ERR_HEADERS_OVERFLOW)',
      () => says(http('200 OK', '', `x: ${'a'.repeat(100_000)}\r\n`)),
    ],
  ])('%s', async (_name, words, start) => {
    const url = at(await start());
    const begun = performance.now();
    const { error, ...rest } = await attempt(url);
    expect(performance.now() - begun).toBeLessThan(TIMEOUT_MS + 400);
    expect(rest).toEqual({ result: 'unknown', status: null, authentic: false, retryAfterSeconds: null });
    // Some codes of the parser follow the words.
    expect(error?.replace(/ \(HPE_\w+\)$/, '')).toBe(`no answer: ${words}`);
    await vi.waitFor(() => expect(sockets.size).toBe(0), 10_000);
  });
});

describe('what certainly never left is failed', () => {
  it.each([
    ['expired', 'the certificate has expired (CERT_HAS_EXPIRED)'],
    ['wrong-host', 'the certificate is for another host name (ERR_TLS_CERT_ALTNAME_INVALID)'],
    ['self-signed', 'the certificate is self-signed (DEPTH_ZERO_SELF_SIGNED_CERT)'],
  ])('to a certificate that is %s', async (certificate, words) => {
    const port = await servers.secure(certificate, http('200 OK'));
    expect(await attempt(at(port, 'https'))).toEqual(failed(null, `not sent: ${words}`));
  });

  it('and over TLS with a good certificate it arrives', async () => {
    const port = await servers.secure('good', http('200 OK'));
    expect(await attempt(at(port, 'https'))).toMatchObject({ result: 'delivered', status: 200 });
  });

  it('to a port where nobody listens', async () => {
    expect(await attempt(at(await servers.unused()))).toEqual(
      failed(null, 'not sent: the connection was refused (ECONNREFUSED)'),
    );
  });

  it('to a host that takes the connection, and never answers the handshake of TLS', async () => {
    const port = await tcp((socket) => socket.resume());
    expect(await attempt(at(port, 'https'))).toEqual(failed(null, 'not sent: timed out while connecting'));
  });

  it('to an address that is not on the public internet', async () => {
    const outbound = createOutbound({
      hosts: ['hooks.example.org'],
      ownAddresses: [],
      resolve: () => Promise.resolve(['10.0.0.1']),
    });
    expect(await attempt('https://hooks.example.org/', { outbound })).toEqual(
      failed(null, 'not sent: the host has an address that is not on the public internet'),
    );
  });

  it('to a host that SUBSCRIBER_HOSTS does not list any more', async () => {
    expect(await attempt('https://former.example/')).toEqual(
      failed(
        null,
        'not sent: the URL has a host that SUBSCRIBER_HOSTS does not list: add it there and deploy again',
      ),
    );
  });

  it('to a name that nobody has', async () => {
    const outbound = createOutbound({ hosts: ['nobody.invalid'], ownAddresses: [] });
    const { result, error } = await attempt('https://nobody.invalid/', { outbound });
    expect(result).toBe('failed');
    expect(error).toMatch(/^not sent: the host name is unknown|^not sent: the DNS server did not answer/);
  });
});

describe('an endpoint whose secret cannot be opened', () => {
  it.each<[string, string[], string | null]>([
    [
      'without its key',
      [sealSecret(parseEndpointKeys(`old:${Buffer.alloc(32, 9).toString('base64')}`), ENDPOINT, secret)],
      'old',
    ],
    ['of another endpoint', [sealSecret(endpointKeys, 'ep-ffffffffffffffff', secret)], 'k2'],
    ['where one of two is', [sealed, 'nonsense'], null],
    ['because it has none', [], null],
  ])('is sent nothing: %s', async (_name, sealed_secrets, keyId) => {
    const outbound = vi.fn();
    await expect(
      callSubscriber({ ...sender, outbound }, delivery, { ...subscriber, sealed_secrets }),
    ).rejects.toMatchObject({ name: 'SecretUnreadable', keyId });
    expect(outbound).not.toHaveBeenCalled();
  });
});

it('records neither signatures nor the query of the URL, which may hold a secret', async () => {
  const port = await says(http('500 x', 'oops'));
  const { attempts } = await callSubscriber(sender, delivery, { ...subscriber, url: at(port) });
  expect(attempts[0]).toMatchObject({
    request: {
      url: `http://127.0.0.1:${port}/hook?(not stored)`,
      headers: { 'webhook-id': 'evt_1', 'webhook-signature': '(not stored)', 'polaris-position': '3' },
    },
    response: { body: 'oops' },
  });
  expect(JSON.stringify(attempts)).not.toMatch(/sesame|v1,/);
});

describe('a claimed delivery', () => {
  const claimed = { ...delivery, delivery_id: 1, delivery_token: 1, expects: 'any_2xx' };

  it('of a database that knows no subscribers is internal', () => {
    expect(claimedDelivery.parse(claimed).subscriber).toBeNull();
    expect(claimedDelivery.parse({ ...claimed, subscriber: null }).subscriber).toBeNull();
  });

  it('to a subscriber says where it goes', () => {
    expect(claimedDelivery.parse({ ...claimed, subscriber }).subscriber).toEqual(subscriber);
    expect(claimedDelivery.safeParse({ ...claimed, subscriber: { url: 'https://a.example' } }).success).toBe(
      false,
    );
  });
});
