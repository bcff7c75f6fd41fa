import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { Webhook } from 'standardwebhooks';
import { afterEach, describe, expect, it } from 'vitest';
import { MIN_COMPRESSED_BYTES, type Coding } from '../../../../src/contracts/compression.ts';
import { systemClock } from '../../../../src/server/clock.ts';
import { callSubscriber } from '../../../../src/server/deliver/subscribers/call-subscriber.ts';
import {
  mintSecret,
  parseEndpointKeys,
  sealSecret,
} from '../../../../src/server/deliver/subscribers/endpoint-secrets.ts';
import { createOutbound } from '../../../../src/server/deliver/subscribers/outbound.ts';
import { failingServers } from '../../../support/failing-servers.ts';

const ENDPOINT = 'ep-0123456789abcdef';
const endpointKeys = parseEndpointKeys(`k1:${Buffer.alloc(32, 1).toString('base64')}`);
const secret = mintSecret();
const sender = {
  ...systemClock,
  outbound: createOutbound({ hosts: ['127.0.0.1'], ownAddresses: [] }),
  endpointKeys,
  timeoutMs: 500,
};
const BODY = JSON.stringify({
  type: 'report.final.completed',
  data: { research_report: 'Grüße 🌍 '.repeat(500) },
});
const DECOMPRESS = { gzip: gunzipSync, zstd: zstdDecompressSync };

const servers = failingServers();
afterEach(() => servers.close());

interface Seen {
  headers: IncomingHttpHeaders;
  bytes: Buffer;
}

/** @param answer what a request is answered; undefined: 204 */
async function receiver(
  answer: (request: IncomingMessage, response: ServerResponse) => unknown = () => undefined,
) {
  const seen: Seen[] = [];
  const server = createServer((incoming, response) => {
    void buffer(incoming).then((bytes) => {
      seen.push({ headers: incoming.headers, bytes });
      if (answer(incoming, response) === undefined) response.writeHead(204).end();
    });
  });
  const port = await servers.serve(server);
  const send = (compression: Coding | null, body = BODY) =>
    callSubscriber(
      sender,
      { event_id: 'evt_1', endpoint_id: ENDPOINT, job_id: null, trace_id: null, body },
      {
        url: `http://127.0.0.1:${port}/hook`,
        sealed_secrets: [sealSecret(endpointKeys, ENDPOINT, secret)],
        position: 1,
        plan: 0,
        redriven: false,
        format_version: 2,
        compression,
      },
    );
  return { seen, send };
}

const codingsOf = (seen: readonly Seen[]) => seen.map(({ headers }) => headers['content-encoding'] ?? null);
/** Refuses what is compressed. */
const refuse = (status: number) => (request: IncomingMessage, response: ServerResponse) =>
  request.headers['content-encoding'] === undefined ? undefined : response.writeHead(status).end();

describe.each(['gzip', 'zstd'] as const)('a body in %s', (coding) => {
  it('holds the bytes of the database, which are what is signed', async () => {
    const { seen, send } = await receiver();
    const round = await send(coding);
    expect(round).toMatchObject({ result: 'delivered', attempts: [{ status: 204 }] });
    const [request] = seen;
    expect(request?.headers).toMatchObject({
      'content-encoding': coding,
      'content-length': String(request?.bytes.length),
    });
    expect(request?.bytes.length).toBeLessThan(BODY.length / 10);
    const body = DECOMPRESS[coding](request?.bytes ?? '').toString();
    expect(body).toBe(BODY);
    // Safe: no header of ours is repeated.
    const flat = request?.headers as Record<string, string>;
    expect(new Webhook(secret).verify(body, flat)).toEqual(JSON.parse(BODY));
    expect(round.attempts[0]?.request.headers['content-encoding']).toBe(coding);
  });

  it('is the same on every attempt', async () => {
    const { seen, send } = await receiver();
    await send(coding);
    await send(coding);
    expect(seen[0]?.bytes.equals(seen[1]?.bytes ?? Buffer.alloc(0))).toBe(true);
    // RFC 1952, section 2.3.1: no time in the header.
    if (coding === 'gzip') expect(seen[0]?.bytes.subarray(4, 8)).toEqual(Buffer.alloc(4));
  });

  it('is sent uncompressed below 1 KB', async () => {
    const { seen, send } = await receiver();
    const of = (bytes: number) => `"${'x'.repeat(bytes - 2)}"`;
    await send(coding, of(MIN_COMPRESSED_BYTES - 1));
    await send(coding, of(MIN_COMPRESSED_BYTES));
    expect(codingsOf(seen)).toEqual([null, coding]);
    expect(seen[0]?.bytes.toString()).toBe(of(MIN_COMPRESSED_BYTES - 1));
  });

  it.each([400, 401, 403, 415, 422])(
    'that is answered %d is sent uncompressed at once, and both attempts are recorded',
    async (status) => {
      const { seen, send } = await receiver(refuse(status));
      const round = await send(coding);
      expect(round).toMatchObject({ result: 'delivered', attempts: [{ status }, { status: 204 }] });
      expect(codingsOf(seen)).toEqual([coding, null]);
      expect(seen[1]?.bytes.toString()).toBe(BODY);
      expect(round.attempts.map(({ request }) => request.headers['content-encoding'] ?? null)).toEqual([
        coding,
        null,
      ]);
    },
  );

  it('is refused as such when it is refused uncompressed too', async () => {
    const { seen, send } = await receiver((_request, response) => response.writeHead(401).end());
    expect(await send(coding)).toMatchObject({
      result: 'failed',
      attempts: [{ status: 401 }, { status: 401 }],
    });
    expect(codingsOf(seen)).toEqual([coding, null]);
  });

  it.each([404, 410, 429, 500, 503])('that is answered %d is sent once', async (status) => {
    const { seen, send } = await receiver(refuse(status));
    expect(await send(coding)).toMatchObject({ result: 'failed', attempts: [{ status }] });
    expect(codingsOf(seen)).toEqual([coding]);
  });

  it('that is not answered in time is sent once', async () => {
    const { seen, send } = await receiver(() => 'later');
    expect(await send(coding)).toMatchObject({ result: 'unknown', attempts: [{ status: null }] });
    expect(codingsOf(seen)).toEqual([coding]);
  });
});

it('without compression in use, a body that is refused is not sent again', async () => {
  const { seen, send } = await receiver((_request, response) => response.writeHead(415).end());
  expect(await send(null)).toMatchObject({ result: 'failed', attempts: [{ status: 415 }] });
  expect(codingsOf(seen)).toEqual([null]);
});
