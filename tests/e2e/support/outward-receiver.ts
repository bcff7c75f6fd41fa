import { createServer, type IncomingMessage } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { Webhook } from 'standardwebhooks';
import { z } from 'zod';

const message = z.object({
  type: z.string(),
  data: z.object({ nonce: z.string().optional(), report_id: z.string().optional() }),
});

export interface OutwardReceiver extends AsyncDisposable {
  url: string;
  /** The secret that it verifies with from then on. Before that it refuses everything. */
  useSecret(secret: string): void;
  /** It takes bodies in gzip from then on. Before that it verifies the compressed bytes, which refuses them. */
  decompress(): void;
  /** The events that it took, oldest first. */
  events: { id: string; type: string; reportId: string | undefined; replay: string | undefined }[];
}

/** Another system, as its developers are told to write it: verifies, repeats the nonce of a check, and takes events. */
export async function startOutwardReceiver(): Promise<OutwardReceiver> {
  let webhook: Webhook | undefined;
  let decompresses = false;
  const events: OutwardReceiver['events'] = [];

  async function handle(request: IncomingMessage): Promise<{ status: number; body?: object }> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    const isCompressed = request.headers['content-encoding'] === 'gzip';
    const body = (decompresses && isCompressed ? gunzipSync(bytes) : bytes).toString('utf8');
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
    );
    try {
      webhook?.verify(body, headers);
    } catch {
      return { status: 401 };
    }
    if (webhook === undefined) return { status: 401 };
    const { type, data } = message.parse(JSON.parse(body));
    if (type === 'polaris.ping') return { status: 200, body: { nonce: data.nonce } };
    events.push({
      id: headers['webhook-id'] ?? '',
      type,
      reportId: data.report_id,
      replay: headers['polaris-replay'],
    });
    return { status: 200 };
  }

  const server = createServer((request, response) => {
    handle(request).then(
      ({ status, body }) =>
        response.writeHead(status, { 'content-type': 'application/json' }).end(body && JSON.stringify(body)),
      () => response.writeHead(500).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}/polaris`,
    decompress() {
      decompresses = true;
    },
    useSecret(secret) {
      webhook = new Webhook(secret);
    },
    events,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
