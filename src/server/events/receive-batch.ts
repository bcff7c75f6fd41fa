import { z } from 'zod';
import type { InternalEndpoint } from '../../contracts/endpoints.ts';
import type { ProblemCode } from '../../contracts/problem.ts';
import type { Sendable } from '../../contracts/text.ts';
import {
  batchResultBody,
  eventId,
  receivedBatch,
  receivedBatchEvent,
  type BatchAnswer,
  type BatchResult,
} from '../../contracts/webhooks.ts';
import { sha256Hex, type VerifiedBody } from '../deliver/verify.ts';
import { answer, problem, unavailable, type ProblemExtras } from '../http/problem.ts';
import { readJson, readJsonText, validate } from '../http/read-json.ts';
import type { ShallowJson } from '../http/scan-json.ts';
import { tooManyRequests } from '../http/too-many-requests.ts';
import { auditRequest, overItsRate, UNVERIFIED_PER_MINUTE } from '../observe/audit.ts';
import { refuseVerified } from '../observe/refuse-verified.ts';
import { RateLimited } from '../store/store.ts';
import { applyInParts } from './apply-in-parts.ts';
import { openSigned, type Receiver } from './open-signed.ts';
import { answerTo, applied } from './receive.ts';

const REFUSED = z.object({ outcome: z.literal('refused') });
const itemAnswer = z.union([applied, REFUSED]);
type BatchItemAnswer = z.infer<typeof itemAnswer>;
const appliedBatch = (count: number) =>
  z.object({
    answers: z.array(itemAnswer).length(count),
    failure: z.string().nullable(),
    set_failure: z.string().nullable(),
  });

/** An event as `apply_report_events()` takes it. */
interface Entry extends Record<string, Sendable> {
  body: string | null;
  record: Record<string, Sendable | undefined>;
}

type Item =
  | { ok: true; id: string; endpoint: InternalEndpoint; text: string }
  | { ok: false; id: string | null; text: string; code: ProblemCode; extras: ProblemExtras };

/**
 * Accepts many events under one signature. Each is validated, applied and answered as by its own endpoint, with one database
 * call for all.
 */
export async function receiveBatch(receiver: Receiver, request: Request): Promise<Response> {
  // The legacy header signs neither id nor time, and no sender of the first version sends batches.
  const { keys } = receiver.verificationKeys;
  const opened = await openSigned(receiver, 'batch', { keys }, request);
  if (!opened.ok) return opened.response;
  const { signed, elapsed, recordOf, trace } = opened;
  const { sender, body } = signed;
  const read = readItems(signed);
  if (!read.ok) {
    const { code, extras } = read;
    return refuseVerified(receiver, sender, problem(code, extras), recordOf(code, body, extras.detail));
  }

  const events = read.items.map((item): Entry => {
    const bytes = Buffer.from(item.text);
    const of = { method: request.method, body_sha256: sha256Hex(bytes), body_bytes: bytes.byteLength };
    const traced = trace !== null && { trace_id: trace.traceId, span_id: trace.spanId };
    if (item.ok) {
      const record = { ...of, ...traced, endpoint: 'batch', endpoint_id: item.endpoint, event_id: item.id };
      return { body: item.text, record: { ...record, elapsed_ms: elapsed() } };
    }
    const record = recordOf(item.code, bytes, item.extras.detail);
    return { body: null, record: { ...record, ...(item.id !== null && { event_id: item.id }) } };
  });
  const apply = async (part: Entry[]) => {
    const parameters = { p_events: part, p_sender: sender, p_cap_per_minute: UNVERIFIED_PER_MINUTE };
    const done = await receiver.rpc('apply_report_events', parameters, appliedBatch(part.length));
    if (done.failure !== null) {
      receiver.log('error', 'could not check the rate limit of a batch', { error: new Error(done.failure) });
    }
    if (done.set_failure !== null) {
      receiver.log('error', 'could not apply the events of a batch together', { code: done.set_failure });
    }
    return done.answers;
  };
  let said: (BatchItemAnswer | null)[];
  try {
    said = await applyInParts(events, elapsed, apply, receiver.random);
  } catch (error) {
    if (!(error instanceof RateLimited)) throw error;
    // If SQL has rolled the work back, it has not audited it.
    await auditRequest(receiver, overItsRate(recordOf('rate_limited', body), error.refusal), false);
    return tooManyRequests(error.refusal);
  }
  const slow = events.filter((_, index) => said[index] === null);
  if (slow.length > 0) await auditSlow(receiver, slow, apply);
  const answers = said.map((one) => one ?? ({ outcome: 'busy' } as const));
  const outward = answers.flatMap((one) => ('outward' in one ? (one.outward ?? []) : []));
  if (outward.length > 0) receiver.tellSubscribers(...outward);
  const results = await Promise.all(
    answers.map(async (one, index): Promise<BatchResult> => {
      const item = read.items[index];
      if (one.outcome !== 'refused') return resultOf(item?.id ?? null, answerTo(one));
      const refusal = item === undefined || item.ok ? unavailable() : problem(item.code, item.extras);
      return resultOf(item?.id ?? null, refusal);
    }),
  );
  return answer({ results } satisfies BatchAnswer);
}

/** Audits events that took too long, in one call: as those that SQL itself answers busy. */
async function auditSlow(
  { log }: Receiver,
  events: Entry[],
  apply: (part: Entry[]) => Promise<unknown>,
): Promise<void> {
  log('error', 'events of a batch took too long', { events: events.length });
  const busy = { status: 503, outcome: 'busy', detail: 'not applied: it took too long' };
  try {
    await apply(events.map(({ record }) => ({ body: null, record: { ...record, ...busy } })));
  } catch (error) {
    log('error', 'could not audit events of a batch', { error });
  }
}

function readItems({
  body,
}: VerifiedBody): { ok: true; items: Item[] } | { ok: false; code: ProblemCode; extras: ProblemExtras } {
  // The contents of events are validated later, each with the same depth limit as an event that is sent alone.
  const json = readJson(body, { apart: 'events' });
  if (!json.ok) return json;
  const parsed = validate(receivedBatch, json.value);
  if (!parsed.ok) return { ok: false, code: 'invalid_body', extras: { issues: parsed.issues } };
  return { ok: true, items: parsed.value.events.map(readItem) };
}

function readItem(text: string): Item {
  const json = readJsonText(text, { open: ['data'] });
  if (!json.ok) return { ok: false, id: null, text, code: json.code, extras: json.extras };
  const parsed = validate(receivedBatchEvent, json.value);
  if (!parsed.ok) {
    return { ok: false, id: idOf(json.value), text, code: 'invalid_body', extras: { issues: parsed.issues } };
  }
  const { id, type } = parsed.value;
  return {
    ok: true,
    id,
    text,
    endpoint: type.startsWith('report.final.') ? 'final-report' : 'prelim-report',
  };
}

const withId = z.object({ id: eventId });

function idOf(value: ShallowJson): string | null {
  return withId.safeParse(value).data?.id ?? null;
}

async function resultOf(id: string | null, response: Response): Promise<BatchResult> {
  const { status } = response;
  const retryAfter = response.headers.get('retry-after');
  const body = batchResultBody.parse(await response.json());
  return { id, status, ...(retryAfter !== null && { retry_after: Number(retryAfter) }), body };
}
