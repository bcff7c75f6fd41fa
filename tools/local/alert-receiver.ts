import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { alertEvent, type AlertEvent } from '../../src/contracts/alerts.ts';
import { parseWebhookSecret } from '../../src/server/deliver/secrets.ts';
import { verify } from '../../src/server/deliver/verify.ts';

export interface AlertReceiver extends AsyncDisposable {
  /** First address for ALERT_URLS. */
  url: string;
  /** Second address for ALERT_URLS, used when the first one fails. */
  secondUrl: string;
  /** Value for HEARTBEAT_URL. */
  heartbeatUrl: string;
  /** All events with a valid signature, in order of arrival, each event once. */
  events: AlertEvent[];
  /** Number of heartbeats received. */
  heartbeats(): number;
  /** Why requests were rejected. */
  refused: string[];
  /** Makes the first address fail in this way; null: accept alerts again. */
  fail(how: 'answers 500' | 'hangs' | null): void;
}

const SECOND = '/alerts-by-another-way';

/**
 * A receiver of alerts on 127.0.0.1, which accepts only what ALERT_SECRET has signed.
 * @param secret returns the current value of ALERT_SECRET
 * @param now milliseconds since the epoch, by the sender's clock
 */
export async function startAlertReceiver(secret: () => string, now: () => number): Promise<AlertReceiver> {
  const events: AlertEvent[] = [];
  const refused: string[] = [];
  const ids = new Set<string>();
  let heartbeats = 0;
  let failing: 'answers 500' | 'hangs' | null = null;

  /** Verifies and stores an alert; returns the HTTP status. */
  function take(headers: Headers, body: Buffer): number {
    const verified = verify({ keys: parseWebhookSecret(secret()) }, headers, body, now());
    if (!verified.ok) {
      refused.push(verified.code);
      return 401;
    }
    const event = alertEvent.safeParse(JSON.parse(body.toString()));
    if (!event.success) {
      refused.push(event.error.message);
      return 400;
    }
    // An alert may be delivered twice, with the same id.
    const id = headers.get('webhook-id') ?? '';
    if (!ids.has(id)) events.push(event.data);
    ids.add(id);
    return 204;
  }

  const server = createServer((request, response) => {
    void (async () => {
      if (request.url === '/heartbeat') {
        heartbeats += 1;
        response.writeHead(204).end();
        return;
      }
      const body = await buffer(request);
      const how = request.url === SECOND ? null : failing;
      if (how === 'hangs') return;
      const headers = new Headers(
        Object.entries(request.headers).flatMap(([name, value]) =>
          typeof value === 'string' ? [[name, value] satisfies [string, string]] : [],
        ),
      );
      response.writeHead(how === null ? take(headers, body) : 500).end();
    })().catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}/alerts`,
    secondUrl: `http://127.0.0.1:${port}${SECOND}`,
    heartbeatUrl: `http://127.0.0.1:${port}/heartbeat`,
    events,
    heartbeats: () => heartbeats,
    refused,
    fail: (how) => {
      failing = how;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
