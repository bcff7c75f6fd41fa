import { randomUUID } from 'node:crypto';
import { parseWebhookSecret } from '../../src/server/deliver/secrets.ts';
import { sign } from '../../src/server/deliver/sign.ts';
import { batchAnswer } from '../../src/contracts/webhooks.ts';
import { prose } from './prose.ts';

interface BenchEvent {
  id: string;
  body: Uint8Array;
  envelope: { type: string; timestamp: string; data: Record<string, unknown> };
}

let counter = 0;

/** A new event with a text of this many bytes, newer than all previous ones, so that it is applied. */
export function newEvent(reports: readonly string[], textBytes: number): BenchEvent {
  const number = ++counter;
  const timestamp = new Date().toISOString();
  const envelope = {
    type: 'report.prelim.completed',
    timestamp,
    data: {
      job_id: `bench_${randomUUID()}`,
      report_id: reports[number % reports.length],
      report_type: 'org',
      research_report: prose(textBytes, number),
      research_status: 'completed',
      requested_at: timestamp,
      research_metadata: { model: 'bench', number },
    },
  };
  return {
    id: `evt_${randomUUID()}`,
    body: new TextEncoder().encode(JSON.stringify(envelope)),
    envelope,
  };
}

const MOST_SENDS = 10;

/**
 * Signs and posts new events as one batch. Retries those answered 503, as a sender does; each event must end as applied. If a
 * batch is answered 503 as a whole, its events may have been applied: then `duplicate` is expected too.
 */
export async function postBatch(url: string, secret: string, events: readonly BenchEvent[]): Promise<void> {
  let left = events;
  const expected = new Set<unknown>(['applied']);
  for (let sends = 0; left.length > 0; sends += 1) {
    const results = await postBatchOnce(url, secret, left);
    if (results === 'unavailable') {
      if (sends === MOST_SENDS) throw new Error(`a batch of ${left.length} was answered 503 each time`);
      expected.add('duplicate');
      continue;
    }
    const refused = results.find(
      ({ status, body }) => status !== 503 && !('outcome' in body && expected.has(body.outcome)),
    );
    if (results.length !== left.length || refused !== undefined || sends === MOST_SENDS) {
      throw new Error(`a batch of ${left.length} was answered: ${JSON.stringify(refused ?? results)}`);
    }
    left = left.filter((_, index) => results[index]?.status === 503);
  }
}

async function postBatchOnce(url: string, secret: string, events: readonly BenchEvent[]) {
  const items = events.map(({ id, envelope }) => ({ id, ...envelope }));
  const body = new TextEncoder().encode(JSON.stringify({ events: items }));
  const response = await fetch(`${url}/api/webhooks/batch`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...sign(parseWebhookSecret(secret), `batch_${randomUUID()}`, Date.now(), body),
    },
    body,
  });
  const text = await response.text();
  if (response.status === 503) return 'unavailable';
  if (response.status !== 200) throw new Error(`a batch was answered ${response.status}: ${text}`);
  return batchAnswer.parse(JSON.parse(text)).results;
}

/** Signs and posts one event as a sender does. @throws {Error} if the outcome is not the expected one */
export async function postEvent(
  url: string,
  secret: string,
  { id, body }: BenchEvent,
  expected: string,
): Promise<void> {
  const response = await fetch(`${url}/api/webhooks/prelim-report`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...sign(parseWebhookSecret(secret), id, Date.now(), body),
    },
    body: new Uint8Array(body),
  });
  const text = await response.text();
  if (response.status !== 200 || !text.includes(`"outcome":"${expected}"`)) {
    throw new Error(`expected ${expected}, was answered ${response.status}: ${text}`);
  }
}
