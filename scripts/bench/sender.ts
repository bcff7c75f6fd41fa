import { randomUUID } from 'node:crypto';
import { parseWebhookSecret } from '../../src/server/deliver/secrets.ts';
import { sign } from '../../src/server/deliver/sign.ts';

export interface BenchEvent {
  id: string;
  body: Uint8Array;
  envelope: { type: string; timestamp: string; data: Record<string, unknown> };
}

let counter = 0;

/** A new event whose text has so many bytes: newer than all before, so that each is applied. */
export function newEvent(reports: readonly string[], textBytes: number): BenchEvent {
  const number = ++counter;
  const timestamp = new Date().toISOString();
  const line = `Finding ${number}: teams learn best where they work. `;
  const envelope = {
    type: 'report.prelim.completed',
    timestamp,
    data: {
      job_id: `bench_${randomUUID()}`,
      report_id: reports[number % reports.length],
      report_type: 'org',
      research_report: line.repeat(Math.ceil(textBytes / line.length)).slice(0, textBytes),
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

/** Signs and posts as a sender does; the answer must be the expected one. */
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
