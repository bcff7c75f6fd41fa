import { z } from 'zod';
import {
  flatBody,
  webhookAnswer,
  webhookEnvelope,
  type WebhookEnvelope,
  type WebhookType,
} from '../../contracts/webhooks.ts';
import type { ProblemCode } from '../../contracts/problem.ts';
import type { Json } from '../../contracts/text.ts';
import { DatabaseUnavailable, type Rpc } from '../db/rpc.ts';
import { readRawBody } from '../http/body.ts';
import { problem, type ProblemExtras } from '../http/problem.ts';
import { sha256Hex, verify, type VerificationKeys, type VerifiedBody } from './verify.ts';

export interface Receiver {
  rpc: Rpc;
  keys: VerificationKeys;
  /** Milliseconds since the epoch. */
  now: () => number;
  log: (message: string, details: Record<string, unknown>) => void;
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

const applyAnswer = z.union([webhookAnswer, z.object({ outcome: z.enum([...REFUSED, 'busy']) })]);

/** Unverified requests that are audited one by one in a minute; those beyond are counted. */
const REFUSALS_AUDITED_PER_MINUTE = 60;
const RETRY_AFTER_SECONDS = 5;

type Parsed =
  { ok: true; envelope: Json; flat: boolean } | { ok: false; code: ProblemCode; extras: ProblemExtras };

/** One request to a webhook endpoint: verified, parsed, applied with its audit row in one call, answered. */
export async function receiveWebhook(
  receiver: Receiver,
  type: WebhookType,
  request: Request,
): Promise<Response> {
  const started = receiver.now();
  const raw = await readRawBody(request);
  const refuse = async (code: ProblemCode, extras: ProblemExtras = {}, eventId: string | null = null) => {
    const answer = problem(code, extras);
    const refusal = {
      webhook_type: type,
      endpoint: type,
      method: request.method,
      event_id: eventId,
      status: answer.status,
      code,
      detail: extras.detail ?? null,
      body_sha256: sha256Hex(raw.bytes),
      body_bytes: raw.bytes.byteLength,
      elapsed_ms: receiver.now() - started,
    };
    const parameters = {
      p_refusal: refusal,
      p_verified: eventId !== null,
      p_cap_per_minute: REFUSALS_AUDITED_PER_MINUTE,
    };
    try {
      await receiver.rpc('record_webhook_refusal', parameters, z.boolean());
    } catch (error) {
      // The refusal stands, audited or not.
      receiver.log('a refusal was not audited', { code, error });
    }
    return answer;
  };

  if (!raw.ok) return refuse(raw.code);
  const verification = verify(receiver.keys, request.headers, raw.bytes, started);
  if (!verification.ok) return refuse(verification.code);
  const parsed = parse(verification.request, type, started);
  if (!parsed.ok) return refuse(parsed.code, parsed.extras, eventIdOf(verification.request));

  const parameters = {
    p_envelope: parsed.envelope,
    p_request: {
      channel: 'webhook',
      webhook_type: type,
      flat: parsed.flat,
      body_sha256: sha256Hex(raw.bytes),
      body_bytes: raw.bytes.byteLength,
      elapsed_ms: receiver.now() - started,
    },
  };
  try {
    const answer = await receiver.rpc('apply_report_event', parameters, applyAnswer);
    switch (answer.outcome) {
      case 'applied':
      case 'duplicate':
      case 'superseded':
        return Response.json(answer, { headers: { 'cache-control': 'no-store' } });
      case 'busy':
        return unavailable();
      case 'report_not_found':
      case 'job_not_found':
      case 'event_conflict':
      case 'job_conflict':
      case 'job_mismatch':
      case 'job_cancelled':
      case 'requested_in_future':
        return problem(answer.outcome);
    }
  } catch (error) {
    if (!(error instanceof DatabaseUnavailable)) throw error;
    receiver.log('the database did not answer', { event: eventIdOf(verification.request), error });
    return unavailable();
  }
}

function unavailable(): Response {
  return problem('database_unavailable', { headers: { 'retry-after': String(RETRY_AFTER_SECONDS) } });
}

/** The legacy header signs no id: there, the content is its own id. */
function eventIdOf({ id, body }: VerifiedBody): string {
  return id ?? sha256Hex(body);
}

function parse(request: VerifiedBody, type: WebhookType, now: number): Parsed {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(request.body));
  } catch {
    return { ok: false, code: 'invalid_json', extras: {} };
  }
  const flat = typeof json === 'object' && json !== null && !('data' in json);
  const stage = type === 'final-report' ? 'final' : 'prelim';
  const parsed = flat ? flatBody.safeParse(json) : webhookEnvelope.safeParse(json);
  if (!parsed.success) {
    const issues = parsed.error.issues.map(({ path, message }) => ({ path: path.join('.'), message }));
    return { ok: false, code: 'invalid_body', extras: { issues } };
  }
  const envelope: WebhookEnvelope =
    'data' in parsed.data
      ? parsed.data
      : {
          type: `report.${stage}.${parsed.data.research_status}`,
          timestamp: new Date(now).toISOString(),
          data: parsed.data,
        };
  if (!envelope.type.startsWith(`report.${stage}.`)) {
    return {
      ok: false,
      code: 'unexpected_event_type',
      extras: { detail: `This endpoint takes ${stage} events.` },
    };
  }
  // Parsed JSON, and no member that is undefined survives it.
  const plain = JSON.parse(JSON.stringify({ id: eventIdOf(request), ...envelope })) as Json;
  return { ok: true, envelope: plain, flat };
}
