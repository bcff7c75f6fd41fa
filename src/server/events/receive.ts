import { z } from 'zod';
import type { InternalEndpoint } from '../../contracts/endpoints.ts';
import type { ProblemCode } from '../../contracts/problem.ts';
import { receivedEnvelope, receivedFlatBody, webhookAnswer } from '../../contracts/webhooks.ts';
import { stopwatch, type Clock } from '../clock.ts';
import type { Store } from '../store/store.ts';
import { readRawBody } from '../http/body.ts';
import { readJson, validate } from '../http/read-json.ts';
import { answer, problem, unavailable, type ProblemExtras } from '../http/problem.ts';
import type { Log } from '../observe/log.ts';
import { auditRequest } from '../observe/audit.ts';
import { sha256Hex, verify, type VerificationKeys, type VerifiedBody } from '../deliver/verify.ts';

export interface Receiver extends Store, Clock {
  verificationKeys: VerificationKeys;
  log: Log;
}

const REFUSED = [
  'report_not_found',
  'job_not_found',
  'event_conflict',
  'job_conflict',
  'job_mismatch',
  'job_cancelled',
  'requested_in_future',
] as const satisfies ProblemCode[];

const applied = z.union([webhookAnswer, z.object({ outcome: z.enum([...REFUSED, 'busy']) })]);

type Parsed =
  /** The body itself: SQL reads it, so that nothing in it is rounded or spelled anew. */
  { ok: true; text: string } | { ok: false; code: ProblemCode; extras: ProblemExtras };

/** One request to a webhook endpoint: verified, parsed, applied with its audit row in one call, answered. */
export async function receiveWebhook(
  receiver: Receiver,
  endpoint: InternalEndpoint,
  request: Request,
): Promise<Response> {
  const elapsed = stopwatch(receiver.monotonicNow);
  const refuse = async (
    code: ProblemCode,
    bytes: Uint8Array,
    { eventId, ...extras }: ProblemExtras & { eventId?: string } = {},
  ) => {
    const refusal = problem(code, extras);
    const record = {
      endpoint,
      endpoint_id: endpoint,
      method: request.method,
      status: refusal.status,
      outcome: code,
      detail: extras.detail,
      body_sha256: sha256Hex(bytes),
      body_bytes: bytes.byteLength,
      elapsed_ms: elapsed(),
      ...(eventId !== undefined && { event_id: eventId }),
    };
    await auditRequest(receiver, record, eventId !== undefined);
    return refusal;
  };

  if (request.method !== 'POST') {
    return refuse('method_not_allowed', new Uint8Array(), { headers: { allow: 'POST' } });
  }
  const raw = await readRawBody(request);
  if (!raw.ok) return refuse(raw.code, raw.bytes);
  const verification = verify(receiver.verificationKeys, request.headers, raw.bytes, receiver.now());
  if (!verification.ok) return refuse(verification.code, raw.bytes);
  const eventId = eventIdOf(verification.request);
  const parsed = parse(verification.request, endpoint);
  if (!parsed.ok) return refuse(parsed.code, raw.bytes, { ...parsed.extras, eventId });

  const parameters = {
    p_event_id: eventId,
    p_body: parsed.text,
    p_endpoint_id: endpoint,
    p_body_sha256: sha256Hex(raw.bytes),
    p_body_bytes: raw.bytes.byteLength,
    p_elapsed_ms: elapsed(),
  };
  const result = await receiver.rpc('apply_report_event', parameters, applied);
  switch (result.outcome) {
    case 'applied':
    case 'duplicate':
    case 'superseded':
      return answer(result);
    case 'busy':
      return unavailable();
    case 'report_not_found':
    case 'job_not_found':
    case 'event_conflict':
    case 'job_conflict':
    case 'job_mismatch':
    case 'job_cancelled':
    case 'requested_in_future':
      return problem(result.outcome);
  }
}

/** The legacy header signs no id: there, the signed bytes are their own (docs/decisions/0008-id-of-legacy-events.md). */
function eventIdOf({ id, body }: VerifiedBody): string {
  return id ?? sha256Hex(body);
}

function parse(request: VerifiedBody, endpoint: InternalEndpoint): Parsed {
  const json = readJson(request.body, { open: ['data'] });
  if (!json.ok) return json;
  const { value, text } = json;
  const flat = typeof value === 'object' && value !== null && !('data' in value);
  const parsed = flat ? validate(receivedFlatBody, value) : validate(receivedEnvelope, value);
  if (!parsed.ok) return { ok: false, code: 'invalid_body', extras: { issues: parsed.issues } };
  const stage = endpoint === 'final-report' ? 'final' : 'prelim';
  if ('type' in parsed.value && !parsed.value.type.startsWith(`report.${stage}.`)) {
    const detail = `This endpoint takes ${stage} events.`;
    return { ok: false, code: 'unexpected_event_type', extras: { detail } };
  }
  return { ok: true, text };
}
