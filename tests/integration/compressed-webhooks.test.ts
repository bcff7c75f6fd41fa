import { createHash, createHmac, randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import {
  brotliCompressSync,
  constants,
  createZstdCompress,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from 'node:zlib';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { MAX_COMPRESSED_BYTES, type Coding } from '../../src/contracts/compression.ts';
import { MAX_BODY_BYTES } from '../../src/contracts/constants.ts';
import { problemDetails } from '../../src/contracts/problem.ts';
import { parseWebhookSecret } from '../../src/server/deliver/secrets.ts';
import { sign } from '../../src/server/deliver/sign.ts';
import { startTestSystem, type TestSystem } from '../support/system.ts';
import { envelope } from '../support/webhook-client.ts';

const LEGACY_SECRET = 'legacy-secret-of-the-first-version';

let system: TestSystem;
let report: string;
beforeAll(async () => {
  system = await startTestSystem({
    functions: ['api/webhooks/prelim-report.ts', 'api/ping.ts'],
    env: { WEBHOOK_LEGACY_SECRET: LEGACY_SECRET },
  });
  report = (await system.createReport()).reportId;
});
afterAll(() => system.stop());
// Those beyond 60 a minute would only be counted.
beforeEach(() => system.sql`delete from public.webhook_refusals where true`);

const COMPRESS: Record<Coding, (bytes: Uint8Array) => Buffer> = {
  gzip: (bytes) => gzipSync(bytes),
  zstd: (bytes) => zstdCompressSync(bytes, { params: { [constants.ZSTD_c_checksumFlag]: 1 } }),
};
const CODINGS = ['gzip', 'zstd'] as const;
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** Of a signed request, over what the body holds. */
function headersFor(content: Uint8Array, at = Date.now(), id: string = randomUUID()) {
  const keys = parseWebhookSecret(system.secrets.webhookSecret);
  return { 'content-type': 'application/json', ...sign(keys, id, at, content) };
}

const answers = z.object({ outcome: z.string() });

async function post(
  body: Uint8Array,
  headers: Record<string, string> | [string, string][],
  path = '/api/webhooks/prelim-report',
) {
  const response = await fetch(system.url(path), { method: 'POST', headers, body: new Uint8Array(body) });
  const json: unknown = await response.json();
  const said = response.status === 200 ? answers.parse(json).outcome : problemDetails.parse(json).code;
  return {
    says: `${response.status} ${said}`,
    detail: response.status === 200 ? undefined : problemDetails.parse(json).detail,
    accepts: response.headers.get('accept-encoding'),
  };
}

async function auditedWith(sha: string) {
  const rows = await system.sql`
    select outcome, response_status, body_bytes, endpoint_id, error_message from public.webhook_audit
    where body_sha256 = ${sha} order by created_at`;
  return [...rows];
}

/** A frame whose header asks for this window, and which says nothing of its size. */
async function zstdWithWindow(log: number, content: Uint8Array): Promise<Buffer> {
  const compressor = createZstdCompress({ params: { [constants.ZSTD_c_windowLog]: log } });
  compressor.write(content);
  compressor.end();
  return buffer(compressor);
}

const event = () =>
  Buffer.from(JSON.stringify(envelope({ reportId: report, text: '# Bericht ä 🚀\n'.repeat(200) })));

describe.each(CODINGS)('a body in %s', (coding) => {
  it('is applied, and audited with the hash and the size of what it holds', async () => {
    const content = event();
    const body = COMPRESS[coding](content);
    const answer = await post(body, { ...headersFor(content), 'content-encoding': coding });
    expect(answer.says).toBe('200 applied');
    expect(await auditedWith(sha256(content))).toMatchObject([
      { outcome: 'applied', response_status: 200, body_bytes: content.byteLength },
    ]);
    expect(await auditedWith(sha256(body))).toEqual([]);
  });

  it('is the same event as the body without compression', async () => {
    const content = event();
    const id = randomUUID();
    const headers = headersFor(content, Date.now(), id);
    expect((await post(COMPRESS[coding](content), { ...headers, 'content-encoding': coding })).says).toBe(
      '200 applied',
    );
    expect((await post(content, headers)).says).toBe('200 duplicate');
  });

  it('may name its coding in capitals, which RFC 9110 does not tell apart', async () => {
    const content = event();
    const headers = { ...headersFor(content), 'content-encoding': coding.toUpperCase() };
    expect((await post(COMPRESS[coding](content), headers)).says).toBe('200 applied');
  });

  it('may have the legacy header, over what the body holds', async () => {
    const content = event();
    const hex = createHmac('sha256', LEGACY_SECRET).update(content).digest('hex');
    const headers = {
      'content-type': 'application/json',
      'x-webhook-signature': `sha256=${hex}`,
      'content-encoding': coding,
    };
    expect((await post(COMPRESS[coding](content), headers)).says).toBe('200 applied');
  });

  it('is accepted by the ping endpoint', async () => {
    const content = Buffer.from(
      JSON.stringify({ type: 'polaris.ping', timestamp: new Date().toISOString() }),
    );
    const headers = { ...headersFor(content), 'content-encoding': coding };
    expect((await post(COMPRESS[coding](content), headers, '/api/ping')).says).toBe('200 received');
    const cut = await post(COMPRESS[coding](content).subarray(0, -1), headers, '/api/ping');
    expect(cut.says).toBe('415 invalid_compression');
  });

  it('is refused when the signature is over the compressed bytes', async () => {
    const content = event();
    const body = COMPRESS[coding](content);
    const answer = await post(body, { ...headersFor(body), 'content-encoding': coding });
    expect(answer.says).toBe('401 invalid_signature');
    expect(await auditedWith(sha256(content))).toMatchObject([
      { outcome: 'invalid_signature', body_bytes: content.byteLength },
    ]);
  });

  it('is held to the limit of 1 MiB by what it holds', async () => {
    const whole = (bytes: number) => Buffer.from(`{"k":"${'a'.repeat(bytes - 8)}"}`);
    const fits = whole(MAX_BODY_BYTES);
    const beyond = whole(MAX_BODY_BYTES + 1);
    const send = (content: Buffer) =>
      post(COMPRESS[coding](content), { ...headersFor(content), 'content-encoding': coding });
    expect((await send(fits)).says).toBe('400 invalid_body');
    expect(await send(beyond)).toMatchObject({
      says: '413 body_too_large',
      detail: expect.stringContaining('1 MiB') as string,
    });
  });

  it.each(['truncated', 'trailing', 'second', 'changed', 'empty'])(
    'is refused with 415: %s',
    async (fault) => {
      const content = event();
      const body = COMPRESS[coding](content);
      const changed = Buffer.from(body);
      const at = coding === 'gzip' ? -5 : -1;
      // The checksum: of gzip before the last four bytes, of zstd the last four.
      changed[body.length + at] = (changed.at(at) ?? 0) ^ 1;
      const faulty: Record<string, Buffer[]> = {
        truncated: [1, 4, 10, Math.floor(body.length / 2), body.length - 9, body.length - 1].map((length) =>
          body.subarray(0, length),
        ),
        trailing: [Buffer.concat([body, Buffer.from('x')]), Buffer.concat([body, Buffer.alloc(1)])],
        second: [
          Buffer.concat([body, body]),
          Buffer.concat([COMPRESS[coding](Buffer.alloc(0)), body]),
          Buffer.concat([body, COMPRESS[coding](Buffer.alloc(0))]),
        ],
        changed: [changed],
        empty: [Buffer.alloc(0)],
      };
      for (const sent of faulty[fault] ?? []) {
        const answer = await post(sent, { ...headersFor(content), 'content-encoding': coding });
        expect(answer, `${fault}, ${sent.length} bytes`).toEqual({
          says: '415 invalid_compression',
          detail: expect.stringMatching(/^The body is not exactly one (gzip member|zstd frame): ./) as string,
          accepts: null,
        });
        // As they came: nothing of them was read.
        expect((await auditedWith(sha256(sent))).at(-1)).toMatchObject({
          outcome: 'invalid_compression',
          response_status: 415,
          body_bytes: sent.byteLength,
          endpoint_id: 'prelim-report',
        });
      }
    },
  );

  it('is not decompressed for a request that its headers refuse', async () => {
    const content = event();
    const bomb = COMPRESS[coding](Buffer.alloc(8 * MAX_BODY_BYTES));
    const good = { ...headersFor(content), 'content-encoding': coding };
    const refusals: [Record<string, string>, string][] = [
      [{ 'content-type': 'application/json', 'content-encoding': coding }, '401 missing_signature'],
      [{ ...good, 'webhook-signature': 'v1,short' }, '401 invalid_signature'],
      [{ ...good, 'webhook-id': 'not an id' }, '401 invalid_signature'],
      [{ ...good, 'webhook-timestamp': '1' }, '401 timestamp_out_of_tolerance'],
      [good, '413 body_too_large'],
    ];
    for (const [headers, expected] of refusals) {
      expect((await post(bomb, headers)).says).toBe(expected);
      expect((await auditedWith(sha256(bomb))).at(-1)).toMatchObject({
        outcome: expected.slice(4),
        body_bytes: bomb.byteLength,
      });
    }
  });

  it('is refused with 413 over 256 KB, declared or not', async () => {
    const content = event();
    const headers = { ...headersFor(content), 'content-encoding': coding };
    expect((await post(Buffer.alloc(MAX_COMPRESSED_BYTES), headers)).says).toBe('415 invalid_compression');
    const answer = await post(Buffer.alloc(MAX_COMPRESSED_BYTES + 1), headers);
    expect(answer.says).toBe('413 body_too_large');
    expect(answer.detail).toContain('256 KB');
  });

  it('that is compressed twice is refused', async () => {
    const content = event();
    const twice = COMPRESS[coding](COMPRESS[coding](content));
    const named = { ...headersFor(content), 'content-encoding': `${coding}, ${coding}` };
    expect((await post(twice, named)).says).toBe('415 unsupported_content_encoding');
    const once = { ...headersFor(content), 'content-encoding': coding };
    expect((await post(twice, once)).says).toBe('401 invalid_signature');
  });

  it('that is in another coding than it says is refused', async () => {
    const content = event();
    const other = coding === 'gzip' ? 'zstd' : 'gzip';
    for (const bytes of [
      COMPRESS[other](content),
      deflateSync(content),
      brotliCompressSync(content),
      content,
    ]) {
      const answer = await post(bytes, { ...headersFor(content), 'content-encoding': coding });
      expect(answer.says).toBe('415 invalid_compression');
    }
  });
});

describe('a bomb', () => {
  it('of 1 GB is refused with 413', async () => {
    const headers = headersFor(Buffer.from('{}'));
    // Compressing a gigabyte here would take longer than the test: what matters is the first megabyte.
    const zeros = gzipSync(Buffer.alloc(200 * MAX_BODY_BYTES));
    const rle = Buffer.alloc(4 * 8192);
    for (let block = 0; block < 8192; block += 1) {
      // A block of zstd that repeats one byte 128 KiB times: 1 GiB in 32 KB.
      rle.writeUIntLE((128 * 1024 * 8) | (1 << 1) | (block === 8191 ? 1 : 0), block * 4, 3);
    }
    const frame = Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x50]), rle]);
    for (const [coding, bomb] of [
      ['gzip', zeros],
      ['zstd', frame],
    ] as const) {
      const answer = await post(bomb, { ...headers, 'content-encoding': coding });
      expect(answer).toMatchObject({
        says: '413 body_too_large',
        detail: 'The decompressed body is over 1 MiB.',
      });
    }
  });

  it('that makes zstd reserve a large window is refused with 413, however little it holds', async () => {
    const content = event();
    const headers = { ...headersFor(content), 'content-encoding': 'zstd' };
    expect((await post(await zstdWithWindow(20, content), headers)).says).toBe('200 applied');
    expect(await post(await zstdWithWindow(21, content), headers)).toMatchObject({
      says: '413 body_too_large',
      detail: 'The zstd window is over 1 MiB.',
    });
  });
});

describe('a zstd frame that is to be skipped', () => {
  const skipped = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 0]);

  it.each(['alone', 'before', 'after'])('is refused: %s', async (place) => {
    const content = event();
    const frame = COMPRESS.zstd(content);
    const parts = { alone: [skipped], before: [skipped, frame], after: [frame, skipped] }[place] ?? [];
    // Alone, an empty content would fit an empty signature.
    const headers = headersFor(place === 'alone' ? Buffer.alloc(0) : content);
    const answer = await post(Buffer.concat(parts), { ...headers, 'content-encoding': 'zstd' });
    expect(answer.says).toBe('415 invalid_compression');
  });
});

describe('another coding', () => {
  it.each(['deflate', 'br', 'identity', 'x-gzip', 'gzip, zstd', 'gzip;q=1', ',gzip', '', 'utf-8'])(
    'is refused with 415 and what is accepted: %j',
    async (coding) => {
      const content = event();
      const answer = await post(content, { ...headersFor(content), 'content-encoding': coding });
      expect(answer).toEqual({
        says: '415 unsupported_content_encoding',
        detail: undefined,
        accepts: 'gzip, zstd',
      });
      expect((await auditedWith(sha256(Buffer.alloc(0)))).at(-1)).toMatchObject({
        outcome: 'unsupported_content_encoding',
        response_status: 415,
        body_bytes: 0,
      });
    },
  );

  it('is refused when the header is repeated', async () => {
    const content = event();
    const raw = await overSocket(
      [
        ...Object.entries(headersFor(content)).map(([name, value]) => `${name}: ${value}`),
        'content-encoding: gzip',
        'content-encoding: gzip',
        `content-length: ${gzipSync(content).length}`,
      ],
      gzipSync(content),
    );
    expect(raw).toMatch(/^HTTP\/1\.1 415 /);
    expect(raw).toContain('unsupported_content_encoding');
  });
});

describe('a declared length', () => {
  it('that is larger than the limit is refused, whatever comes', async () => {
    const content = event();
    const raw = await overSocket(
      [
        ...Object.entries(headersFor(content)).map(([name, value]) => `${name}: ${value}`),
        'content-encoding: gzip',
        `content-length: ${MAX_COMPRESSED_BYTES + 1}`,
      ],
      Buffer.concat([gzipSync(content), Buffer.alloc(MAX_COMPRESSED_BYTES + 1 - gzipSync(content).length)]),
    );
    expect(raw).toMatch(/^HTTP\/1\.1 413 /);
  });

  it('that is shorter than the body applies nothing', async () => {
    const content = event();
    const body = gzipSync(content);
    const raw = await overSocket(
      [
        ...Object.entries(headersFor(content)).map(([name, value]) => `${name}: ${value}`),
        'content-encoding: gzip',
        `content-length: ${body.length - 20}`,
      ],
      body,
    );
    // What is left over is no request: Node's server refuses it, before or after the answer to the one that was cut off.
    expect(raw).toMatch(/^HTTP\/1\.1 4(00|15) /);
    expect(await auditedWith(sha256(content))).toEqual([]);
  });
});

/** What comes back on a connection to the function, up to its end. */
async function overSocket(headers: readonly string[], body: Uint8Array): Promise<string> {
  const { hostname, port, pathname } = new URL(system.url('/api/webhooks/prelim-report'));
  const socket = connect(Number(port), hostname);
  const head = [`POST ${pathname} HTTP/1.1`, `host: ${hostname}:${port}`, 'connection: close', ...headers];
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  socket.write(body);
  return (await buffer(socket)).toString();
}
