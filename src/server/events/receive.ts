import { z } from 'zod';
import type { InternalEndpoint } from '../../contracts/endpoints.ts';
import { deprecationHeaders, versionDate } from '../../contracts/format-versions.ts';
import { PROBLEMS, type ProblemCode } from '../../contracts/problem.ts';
import { rateRefusal } from '../../contracts/rate-limit.ts';
import {
  eventId as anyEventId,
  receivedEnvelope,
  receivedFlatBody,
  webhookAnswer,
} from '../../contracts/webhooks.ts';
import { stopwatch, type Clock } from '../clock.ts';
import { RateLimited, type Store } from '../store/store.ts';
import { readJson, validate } from '../http/read-json.ts';
import { answer, problem, unavailable, type ProblemExtras } from '../http/problem.ts';
import { tooManyRequests } from '../http/too-many-requests.ts';
import { readTraceparent } from '../http/traceparent.ts';
import type { Log } from '../observe/log.ts';
import { auditRequest, overItsRate, UNVERIFIED_PER_MINUTE, type RequestRecord } from '../observe/audit.ts';
import { refuseVerified } from '../observe/refuse-verified.ts';
import { readSigned } from '../deliver/read-signed.ts';
import { sha256Hex, type VerificationKeys, type VerifiedBody } from '../deliver/verify.ts';

export interface Receiver extends Store, Clock {
  verificationKeys: VerificationKeys;
  log: Log;
  /** Sends an event that was just applied to its subscribers, after the answer. */
  tellSubscribers: (eventId: string) => void;
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

const applied = z.union([
  // outward: the event that it has just applied, of which subscribers are to hear.
  webhookAnswer.extend({ outward: anyEventId.optional() }),
  z.object({ outcome: z.enum([...REFUSED, 'busy']) }),
  rateRefusal,
]);

type Parsed =
  /** The body itself: SQL reads it, so that nothing in it is rounded or spelled anew. */
  | { ok: true; isFlat: boolean; text: string }
  | { ok: false; isFlat: boolean; code: ProblemCode; extras: ProblemExtras };

/** The flat form is version 0. Envelopes are read alike: what version 2 has beyond version 1 is not part of the digest. */
const FLAT_HEADERS = deprecationHeaders(versionDate(0));

/** One request to a webhook endpoint: verified, parsed, applied with its audit row in one call, answered. */
export async function receiveWebhook(
  receiver: Receiver,
  endpoint: InternalEndpoint,
  request: Request,
): Promise<Response> {
  const elapsed = stopwatch(receiver.monotonicNow);
  const trace = readTraceparent(request.headers);
  const recordOf = (code: ProblemCode, bytes: Uint8Array, detail?: string): RequestRecord => ({
    endpoint,
    endpoint_id: endpoint,
    method: request.method,
    status: PROBLEMS[code].status,
    outcome: code,
    detail,
    body_sha256: sha256Hex(bytes),
    body_bytes: bytes.byteLength,
    elapsed_ms: elapsed(),
    ...(trace !== null && { trace_id: trace.traceId, span_id: trace.spanId }),
  });
  const refuse = async (code: ProblemCode, bytes: Uint8Array, extras: ProblemExtras = {}) => {
    await auditRequest(receiver, recordOf(code, bytes, extras.detail), false);
    return problem(code, extras);
  };

  if (request.method !== 'POST') {
    return refuse('method_not_allowed', new Uint8Array(), { headers: { allow: 'POST' } });
  }
  const signed = await readSigned(receiver.verificationKeys, request, receiver.now);
  if (!signed.ok) return refuse(signed.code, signed.bytes, signed.extras);
  const eventId = eventIdOf(signed.request);
  const parsed = parse(signed.request, endpoint);
  const { sender, body } = signed.request;
  const dated = (response: Response) => (parsed.isFlat ? withHeaders(response, FLAT_HEADERS) : response);
  if (!parsed.ok) {
    const { code, extras } = parsed;
    const record = { ...recordOf(code, body, extras.detail), event_id: eventId };
    return dated(await refuseVerified(receiver, sender, problem(code, extras), record));
  }

  const parameters = {
    p_event_id: eventId,
    p_body: parsed.text,
    p_endpoint_id: endpoint,
    p_body_sha256: sha256Hex(body),
    p_body_bytes: body.byteLength,
    p_elapsed_ms: elapsed(),
    p_sender: sender,
    p_cap_per_minute: UNVERIFIED_PER_MINUTE,
    p_trace_id: trace?.traceId,
    p_span_id: trace?.spanId,
  };
  let result: z.infer<typeof applied>;
  try {
    result = await receiver.rpc('apply_report_event', parameters, applied);
  } catch (error) {
    if (!(error instanceof RateLimited)) throw error;
    // What SQL undid it did not audit.
    const record = { ...recordOf('rate_limited', body), event_id: eventId };
    await auditRequest(receiver, overItsRate(record, error.refusal), false);
    return dated(tooManyRequests(error.refusal));
  }
  if ('outward' in result && result.outward !== undefined) receiver.tellSubscribers(result.outward);
  return dated(answerTo(result));
}

function answerTo(result: z.infer<typeof applied>): Response {
  switch (result.outcome) {
    case 'applied':
    case 'duplicate':
    case 'superseded':
      return answer(webhookAnswer.parse(result));
    case 'busy':
      return unavailable();
    case 'rate_limited':
      return tooManyRequests(result);
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

function withHeaders(response: Response, headers: Record<string, string>): Response {
  for (const [name, value] of Object.entries(headers)) response.headers.set(name, value);
  return response;
}

/** The legacy header signs no id: there, the signed bytes are their own (docs/decisions/0008-id-of-legacy-events.md). */
function eventIdOf({ id, body }: VerifiedBody): string {
  return id ?? sha256Hex(body);
}

function parse(request: VerifiedBody, endpoint: InternalEndpoint): Parsed {
  const json = readJson(request.body, { open: ['data'] });
  if (!json.ok) return { ...json, isFlat: false };
  const { value, text } = json;
  const isFlat = typeof value === 'object' && value !== null && !Array.isArray(value) && !('data' in value);
  const parsed = isFlat ? validate(receivedFlatBody, value) : validate(receivedEnvelope, value);
  if (!parsed.ok) return { ok: false, isFlat, code: 'invalid_body', extras: { issues: parsed.issues } };
  const stage = endpoint === 'final-report' ? 'final' : 'prelim';
  if ('type' in parsed.value && !parsed.value.type.startsWith(`report.${stage}.`)) {
    const detail = `This endpoint takes ${stage} events.`;
    return { ok: false, isFlat, code: 'unexpected_event_type', extras: { detail } };
  }
  return { ok: true, isFlat, text };
}
