import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { holdSent } from './openapi/hold.ts';

/** What a receiver does with a request: pass it on, or fail in one of the usual ways. */
type Behaviour =
  | { kind: 'pass' }
  /** Drops the request unread, like a refused or reset connection. */
  | { kind: 'reset' }
  /** Passes the request on, and loses the answer. */
  | { kind: 'lose-answer' }
  | { kind: 'hang' }
  | { kind: 'answer'; status: number; body?: string; headers?: Record<string, string> };

export interface Receiver extends AsyncDisposable {
  /** For WEBHOOK_BASE_URL. */
  baseUrl: string;
  /** What it does from now on. */
  behave(behaviour: Behaviour): void;
  /** The requests that came, oldest first. */
  requests: { path: string; headers: IncomingMessage['headers']; body: Buffer }[];
}

/**
 * Stands between sender and endpoint, and does as it is told. `target` is where it passes requests on to; `onEvent` is
 * called with the id of each event that comes, and awaited before anything is done with the request.
 */
export async function startReceiver(
  target?: () => string,
  onEvent?: (eventId: string) => Promise<void>,
): Promise<Receiver> {
  let behaviour: Behaviour = { kind: 'pass' };
  const requests: Receiver['requests'] = [];

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const path = incoming.url ?? '/';
    requests.push({ path, headers: incoming.headers, body });
    if (isForOthers(incoming.headers, body)) holdSent(incoming.headers, body.toString());
    const eventId = incoming.headers['webhook-id'];
    if (typeof eventId === 'string') await onEvent?.(eventId);
    const present = behaviour;
    switch (present.kind) {
      case 'reset':
        incoming.socket.resetAndDestroy();
        return;
      case 'hang':
        return;
      case 'answer':
        response.writeHead(present.status, present.headers ?? {});
        response.end(present.body ?? '');
        return;
      case 'pass':
      case 'lose-answer': {
        const answer = await passOn(`${target?.() ?? ''}${path}`, incoming.headers, body);
        if (present.kind === 'lose-answer') {
          incoming.socket.resetAndDestroy();
          return;
        }
        response.writeHead(answer.status, { 'content-type': answer.contentType });
        response.end(answer.body);
      }
    }
  }

  const server = createServer((incoming, response) => {
    handle(incoming, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    baseUrl: `http://127.0.0.1:${port}/api/webhooks`,
    behave: (next) => {
      behaviour = next;
    },
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** An event for a subscriber, or an alert, whose form the OpenAPI document promises. */
function isForOthers(headers: IncomingMessage['headers'], body: Buffer): boolean {
  if (headers['content-encoding'] !== undefined) return false;
  return headers['polaris-version'] !== undefined || body.includes('{"type":"alert.');
}

function passOn(
  url: string,
  headers: IncomingMessage['headers'],
  body: Buffer,
): Promise<{ status: number; contentType: string; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(url, { method: 'POST', headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => {
        resolve({
          status: answer.statusCode ?? 502,
          contentType: answer.headers['content-type'] ?? '',
          body: Buffer.concat(chunks),
        });
      });
    });
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}
