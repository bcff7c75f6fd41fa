import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { alertEvent, type AlertEvent } from '../../src/contracts/alerts.ts';
import { parseWebhookSecret } from '../../src/server/deliver/secrets.ts';
import { verify } from '../../src/server/deliver/verify.ts';

export interface AlertReceiver extends AsyncDisposable {
  /** For ALERT_URLS. */
  url: string;
  /** For ALERT_URLS behind it, where the first one may fail. */
  secondUrl: string;
  /** For HEARTBEAT_URL. */
  heartbeatUrl: string;
  /** Everything that came signed, in the order in which it came, each event once. */
  events: AlertEvent[];
  /** How often a good sweep has called. */
  heartbeats(): number;
  /** What was refused, and why. */
  refused: string[];
  /** What the first address does instead of taking alerts; null: it takes them. */
  fail(how: 'answers 500' | 'hangs' | null): void;
}

const SECOND = '/alerts-by-another-way';

/**
 * Somebody's receiver of alerts, on 127.0.0.1: believes what ALERT_SECRET has signed, and nothing else.
 * @param secret the value of ALERT_SECRET now
 * @param now milliseconds since the epoch, by the clock of those who send
 */
export async function startAlertReceiver(secret: () => string, now: () => number): Promise<AlertReceiver> {
  const events: AlertEvent[] = [];
  const refused: string[] = [];
  const ids = new Set<string>();
  let heartbeats = 0;
  let failing: 'answers 500' | 'hangs' | null = null;

  /** Answers with a status. */
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
    // The same alert may come twice, with the same id.
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
