import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { Coding } from '../../src/contracts/compression.ts';
import { batchAnswer, type Stage } from '../../src/contracts/webhooks.ts';
import { parseWebhookSecret } from '../../src/server/deliver/secrets.ts';
import { sign } from '../../src/server/deliver/sign.ts';
import { timed, type Timed } from './history/recorder.ts';
import type { Random } from './random.ts';
import type { ChaosSystem } from './system.ts';

/** A result that a sender signs and posts itself. */
export interface Sent {
  event: string;
  job: string;
  report: string;
  stage: Stage;
  text: string;
  mark?: string;
  /** How far the sender's clock is off. */
  skewMs?: number;
  requestedAt?: Date;
}

export type Heard = Timed<{ status: number; text: string }>;

const CALL_TIMEOUT_MS = 15_000;
/** A batch waits so long for more: often enough for several reports' events. */
const BATCH_MS = 400;
const MAX_BATCH = 20;

const COMPRESS: Record<Coding, (bytes: Buffer) => Uint8Array> = { gzip: gzipSync, zstd: zstdCompressSync };

/** Half of all bodies come as they are. */
export function drawCoding(random: Random): Coding | null {
  return random.pick([null, null, 'gzip', 'zstd'] as const);
}

/** What becomes of it, the proxy sees too. */
export async function postEvent(system: ChaosSystem, sent: Sent, coding: Coding | null): Promise<Heard> {
  const body = JSON.stringify(bodyOf(sent));
  return post(system, `${sent.stage}-report`, sent.event, sent.skewMs ?? 0, body, coding);
}

/** Several under one signature, by the clock of the first. Answers in their order, each as its own endpoint would have answered. */
export async function postBatch(
  system: ChaosSystem,
  events: readonly Sent[],
  coding: Coding | null,
): Promise<Heard[]> {
  const body = JSON.stringify({ events: events.map((sent) => ({ id: sent.event, ...bodyOf(sent) })) });
  const heard = await post(system, 'batch', `batch_${randomUUID()}`, events[0]?.skewMs ?? 0, body, coding);
  const results = heard.answer?.status === 200 ? resultsIn(heard.answer.text) : undefined;
  return events.map((_, index) => {
    const result = results?.[index];
    if (result === undefined || heard.answer === null) return heard;
    if (result.id !== events[index]?.event)
      throw new Error(`a batch answered ${result.id} at the place of ${events[index]?.event}`);
    return { ...heard, answer: { status: result.status, text: JSON.stringify(result.body) } };
  });
}

/** Sends what comes within a short time as one batch. */
export interface Batches {
  add(sent: Sent): Promise<Heard>;
}

export function collectBatches(system: ChaosSystem, random: Random): Batches {
  let waiting: { sent: Sent; heard: PromiseWithResolvers<Heard> }[] = [];

  async function flush(batch: typeof waiting): Promise<void> {
    const events = batch.map(({ sent }) => sent);
    const answers = await postBatch(system, events, drawCoding(random));
    batch.forEach(({ heard }, index) => {
      const answer = answers[index];
      if (answer !== undefined) heard.resolve(answer);
    });
  }
  return {
    add(sent) {
      const heard = Promise.withResolvers<Heard>();
      waiting.push({ sent, heard });
      const batch = waiting;
      if (batch.length === 1) {
        void sleep(BATCH_MS).then(() => {
          if (waiting === batch) waiting = [];
          return flush(batch);
        });
      }
      if (batch.length === MAX_BATCH) waiting = [];
      return heard.promise;
    },
  };
}

/** The results of a batch; undefined where a gateway answered something else. */
function resultsIn(text: string) {
  try {
    return batchAnswer.safeParse(JSON.parse(text)).data?.results;
  } catch {
    return undefined;
  }
}

function bodyOf({ job, report, stage, text, mark = '', skewMs = 0, requestedAt }: Sent) {
  return {
    type: `report.${stage}.completed`,
    timestamp: new Date(Date.now() + skewMs).toISOString(),
    data: {
      job_id: job,
      report_id: report,
      report_type: 'org',
      research_report: text,
      research_status: 'completed',
      requested_at: requestedAt?.toISOString(),
      research_metadata: { mark },
      final_data: { mark },
    },
  };
}

async function post(
  { secrets, webhookProxy }: ChaosSystem,
  endpoint: string,
  id: string,
  skewMs: number,
  text: string,
  coding: Coding | null,
): Promise<Heard> {
  const body = Buffer.from(text);
  const keys = parseWebhookSecret(secrets.webhookSecret);
  return ask(`${webhookProxy.url}/api/webhooks/${endpoint}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(coding !== null && { 'content-encoding': coding }),
      // Over what was compressed.
      ...sign(keys, id, Date.now() + skewMs, body),
    },
    body: new Uint8Array(coding === null ? body : COMPRESS[coding](body)),
    redirect: 'manual',
  });
}

export function ask(url: string, request: RequestInit): Promise<Heard> {
  return timed(async () => {
    const response = await fetch(url, { ...request, signal: AbortSignal.timeout(CALL_TIMEOUT_MS) });
    return { status: response.status, text: await response.text() };
  });
}
