import { z } from 'zod';
import type { InternalEndpoint } from '../../contracts/endpoints.ts';
import { deprecationHeaders, versionDate } from '../../contracts/format-versions.ts';
import type { ProblemCode } from '../../contracts/problem.ts';
import { rateRefusal } from '../../contracts/rate-limit.ts';
import {
  eventId as anyEventId,
  receivedEnvelope,
  receivedFlatBody,
  webhookAnswer,
} from '../../contracts/webhooks.ts';
import { RateLimited } from '../store/store.ts';
import { readJson, validate } from '../http/read-json.ts';
import { answer, problem, unavailable, type ProblemExtras } from '../http/problem.ts';
import { tooManyRequests } from '../http/too-many-requests.ts';
import { auditRequest, overItsRate, UNVERIFIED_PER_MINUTE } from '../observe/audit.ts';
import { refuseVerified } from '../observe/refuse-verified.ts';
import { sha256Hex, type VerifiedBody } from '../deliver/verify.ts';
import { openSigned, type Receiver } from './open-signed.ts';

const REFUSED = [
  'report_not_found',
  'job_not_found',
  'event_conflict',
  'job_conflict',
  'job_mismatch',
  'job_cancelled',
  'requested_in_future',
] as const satisfies ProblemCode[];

export const applied = z.union([
  // outward: the just applied event, if subscribers should get it.
  webhookAnswer.extend({ outward: anyEventId.optional() }),
  z.object({ outcome: z.enum([...REFUSED, 'busy']) }),
  rateRefusal,
]);

type Parsed =
  /** The body itself. SQL parses it, so that nothing in it is rounded or rewritten. */
  | { ok: true; isFlat: boolean; text: string }
  | { ok: false; isFlat: boolean; code: ProblemCode; extras: ProblemExtras };

/** The flat form is version 0. All envelopes are read alike: the members that version 2 adds are not part of the digest. */
const FLAT_HEADERS = deprecationHeaders(versionDate(0));

/** Handles one request to a webhook endpoint: verifies and parses it, applies it with its audit row in one call, and answers. */
export async function receiveWebhook(
  receiver: Receiver,
  endpoint: InternalEndpoint,
  request: Request,
): Promise<Response> {
  const opened = await openSigned(receiver, endpoint, receiver.verificationKeys, request);
  if (!opened.ok) return opened.response;
  const { signed, trace, elapsed, recordOf } = opened;
  const eventId = eventIdOf(signed);
  const parsed = parse(signed, endpoint);
  const { sender, body } = signed;
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
  let result: Applied;
  try {
    result = await receiver.rpc('apply_report_event', parameters, applied);
  } catch (error) {
    if (!(error instanceof RateLimited)) throw error;
    // If SQL has rolled the work back, it has not audited it.
    const record = { ...recordOf('rate_limited', body), event_id: eventId };
    await auditRequest(receiver, overItsRate(record, error.refusal), false);
    return dated(tooManyRequests(error.refusal));
  }
  if ('outward' in result && result.outward !== undefined) receiver.tellSubscribers(result.outward);
  return dated(answerTo(result));
}

type Applied = z.infer<typeof applied>;

export function answerTo(result: Applied): Response {
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

/** The legacy header signs no id: the signed bytes themselves are the id (docs/decisions/0008-id-of-legacy-events.md). */
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
