import { createServer, type IncomingHttpHeaders } from 'node:http';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { Webhook } from 'standardwebhooks';
import { z } from 'zod';
import { holdSent } from './openapi/hold.ts';

export interface Received {
  headers: IncomingHttpHeaders;
  /** Decompressed, if the receiver decompresses. */
  body: string;
  /** The answer that the receiver gave. */
  status: number;
}

export interface SubscriberReceiver extends AsyncDisposable {
  /** For the settings of a subscriber. */
  url: string;
  /** Every request, oldest first; also those that it refused. */
  requests: Received[];
  /** Events among them that it took. */
  events(): Received[];
  /** What it verifies with from now on. */
  trust(secret: string): void;
  /** What it answers an event with from now on. */
  answer(status: number): void;
  /** What it answers a compressed body with from now on; null: it decompresses it, as it does at first. */
  refuseCodings(status: number | null): void;
}

const ping = z.object({ type: z.literal('polaris.ping'), data: z.object({ nonce: z.string() }) });

/** Another system, as its developer would write it: it verifies with a library, and repeats the nonce of a check. */
export async function startSubscriberReceiver(): Promise<SubscriberReceiver> {
  const requests: Received[] = [];
  let secret: string | undefined;
  let eventStatus = 204;
  let codingStatus: number | null = null;

  function answerTo(headers: IncomingHttpHeaders, body: string): { status: number; text: string } {
    let content: unknown;
    try {
      if (secret === undefined) throw new Error('it has no secret yet');
      const signed = Object.fromEntries(
        ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => [name, String(headers[name])]),
      );
      content = new Webhook(secret).verify(body, signed);
    } catch {
      return { status: 401, text: '' };
    }
    holdSent(headers, body);
    const checked = ping.safeParse(content);
    if (checked.success) return { status: 200, text: JSON.stringify({ nonce: checked.data.data.nonce }) };
    return { status: eventStatus, text: '' };
  }

  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const coding = incoming.headers['content-encoding'];
      const refused = coding !== undefined && codingStatus !== null;
      const body = (refused ? Buffer.concat(chunks) : decompress(Buffer.concat(chunks), coding)).toString();
      const { status, text } = refused
        ? { status: codingStatus ?? 415, text: '' }
        : answerTo(incoming.headers, body);
      requests.push({ headers: incoming.headers, body, status });
      response.writeHead(status, { 'content-type': 'application/json' }).end(text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}/hooks`,
    requests,
    events: () =>
      requests.filter(({ status, headers }) => {
        const id = String(headers['webhook-id']);
        return status < 300 && !id.startsWith('ping_');
      }),
    trust: (given) => {
      secret = given;
    },
    answer: (status) => {
      eventStatus = status;
    },
    refuseCodings: (status) => {
      codingStatus = status;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function decompress(bytes: Buffer, coding: string | undefined): Buffer {
  if (coding === 'gzip') return gunzipSync(bytes);
  return coding === 'zstd' ? zstdDecompressSync(bytes) : bytes;
}
