import { randomUUID } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { Webhook } from 'standardwebhooks';
import { z } from 'zod';
import type { Filter } from '../../src/contracts/filters.ts';
import { planAnswer, replayPreview, type ReplayPreview } from '../../src/contracts/plans.ts';
import {
  checkedEndpoint,
  createdEndpoint,
  explanation,
  type SubscriberSettingsInput,
} from '../../src/contracts/subscribers.ts';
import type { LocalSystem } from '../local/local-system.ts';
import type { DemoJob } from './pipeline.ts';

/** Everything except greeting reports. */
const FILTER: Filter = { not: { exact: { report_type: 'greeting' } } };
const TOLERANCE_SECONDS = 300;

const received = z.object({
  type: z.string(),
  data: z.object({ job_id: z.string(), report_id: z.string(), position: z.int() }),
});
const ping = z.object({ type: z.literal('polaris.ping'), data: z.object({ nonce: z.string() }) });

/** A received event. */
interface Arrival {
  eventId: string;
  jobId: string;
  reportId: string;
  position: number;
  /** The plan of the replay; undefined: a live event. */
  replay: string | undefined;
}

export interface DemoSubscriber extends AsyncDisposable {
  id: string;
  /** Number of passed probes of its check. */
  probes: number;
  /** Received events with a valid signature, oldest first. */
  arrivals: readonly Arrival[];
  /**
   * Faults in the events received for these jobs. Empty: each event that the filter admits arrived once, in the order of its
   * report.
   */
  faults(jobs: readonly DemoJob[]): string[];
  /** Why the subscriber did not get the event, in a sentence. */
  explain(eventId: string): Promise<string>;
  /** Proposes a replay of the completed prelims, and applies it. */
  replay(): Promise<{ plan: string; preview: ReplayPreview }>;
}

/**
 * A receiver on this machine that verifies with the `standardwebhooks` library, and its subscription, which an operator
 * creates through HTTP and which becomes active by its check.
 * @param now the clock of the system, which can jump ahead
 */
export async function startSubscriber(
  { dev: { url } }: LocalSystem,
  operatorToken: string,
  now: () => number,
): Promise<DemoSubscriber> {
  const arrivals: Arrival[] = [];

  function take(headers: IncomingHttpHeaders, body: string): { status: number; text: string } {
    const id = String(headers['webhook-id']);
    if (!isSigned(secret, headers, body, now())) return { status: 401, text: '' };
    const content: unknown = JSON.parse(body);
    const checked = ping.safeParse(content);
    if (checked.success) return { status: 200, text: JSON.stringify({ nonce: checked.data.data.nonce }) };
    const { data } = received.parse(content);
    const replay = headers['polaris-replay'];
    arrivals.push({
      eventId: id,
      jobId: data.job_id,
      reportId: data.report_id,
      position: data.position,
      replay: typeof replay === 'string' ? replay : undefined,
    });
    return { status: 204, text: '' };
  }

  const server = createServer((request, response) => {
    void (async () => {
      const { status, text } = take(request.headers, (await buffer(request)).toString());
      response.writeHead(status).end(text);
    })().catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;

  async function call<T>(method: string, path: string, body: object, answer: z.ZodType<T>): Promise<T> {
    const response = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${operatorToken}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} was answered ${response.status}: ${text}`);
    return answer.parse(JSON.parse(text));
  }
  const settings: SubscriberSettingsInput = {
    url: `http://127.0.0.1:${port}/polaris`,
    description: 'The demo',
    filter: FILTER,
  };
  const made = await call('POST', '/api/endpoints', { request_id: randomUUID(), settings }, createdEndpoint);
  const id = made.endpoint.endpoint_id;
  // Known before the check, which sends the first request.
  const { secret } = made;
  const action = (name: string) => `/api/endpoints/actions?endpoint_id=${id}&action=${name}`;
  const { passed, probes } = await call('POST', action('check'), {}, checkedEndpoint);
  if (!passed) throw new Error(`the subscriber did not pass its check: ${JSON.stringify(probes)}`);

  return {
    id,
    probes: probes.filter(({ ok }) => ok).length,
    arrivals,
    faults(jobs) {
      const live = arrivals.filter(({ replay }) => replay === undefined);
      const got = live.map(({ jobId }) => jobId);
      const wanted = jobs.filter(({ report }) => report.intake.report_type !== 'greeting');
      return [
        ...wanted.flatMap(({ report, stage, jobId }) => {
          const times = got.filter((other) => other === jobId).length;
          return times === 1 ? [] : [`${report.name} ${stage}: arrived ${times} times at the subscriber`];
        }),
        ...got
          .filter((jobId) => !wanted.some((job) => job.jobId === jobId))
          .map((jobId) => `${jobId}: the filter does not admit it`),
        ...live
          .filter((arrival, index) =>
            live
              .slice(0, index)
              .some(
                (earlier) => earlier.reportId === arrival.reportId && earlier.position > arrival.position,
              ),
          )
          .map(({ eventId }) => `${eventId}: arrived after a later one of its report`),
      ];
    },
    async explain(eventId) {
      return (await call('POST', action('explain'), { event_id: eventId }, explanation)).sentence;
    },
    async replay() {
      const request = {
        request_id: randomUUID(),
        kind: 'replay',
        name: 'What came before',
        reason: 'The subscriber is new',
        filter: { endpoint_ids: [id], types: ['report.prelim.completed'] },
      };
      const { plan } = await call('POST', '/api/plans', request, planAnswer);
      await call('PATCH', `/api/plans?plan=${plan.id}`, { apply: true }, planAnswer);
      return { plan: plan.id, preview: replayPreview.parse(plan.preview) };
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Verifies by the system's clock: the library's `verify` uses the machine's clock, which does not jump. */
function isSigned(secret: string, headers: IncomingHttpHeaders, body: string, now: number): boolean {
  const seconds = Number(headers['webhook-timestamp']);
  if (!(Math.abs(now / 1000 - seconds) <= TOLERANCE_SECONDS)) return false;
  const signature = new Webhook(secret).sign(String(headers['webhook-id']), new Date(seconds * 1000), body);
  return String(headers['webhook-signature']).split(' ').includes(signature);
}
