import { z } from 'zod';
import { pingAnswer, pingEnvelope, type PingAnswer } from '../../contracts/health.ts';
import { PROBLEMS, type ProblemCode } from '../../contracts/problem.ts';
import { stopwatch, type Clock } from '../clock.ts';
import { readSigned } from '../deliver/read-signed.ts';
import { sha256Hex, type VerificationKeys } from '../deliver/verify.ts';
import { answer, problem, type ProblemExtras } from '../http/problem.ts';
import { readJson, validate } from '../http/read-json.ts';
import type { Store } from '../store/store.ts';
import { auditRequest, type RequestRecord } from './audit.ts';
import type { Log } from './log.ts';
import { refuseVerified } from './refuse-verified.ts';

interface PingReceiver extends Store, Clock {
  verificationKeys: VerificationKeys;
  log: Log;
}

const recorded = z.object({ pings: z.int(), database_time: pingAnswer.shape.database_time });

/**
 * `POST /api/ping`: takes a signed ping over the whole path of a webhook (verify, parse, SQL, answer), and changes only one
 * row of figures. Refusals are audited like those of webhooks; an accepted ping leaves no audit row.
 */
export async function receivePing(receiver: PingReceiver, request: Request): Promise<Response> {
  const started = receiver.now();
  const elapsed = stopwatch(receiver.monotonicNow);
  const recordOf = (code: ProblemCode, bytes: Uint8Array, detail?: string): RequestRecord => ({
    endpoint: 'ping',
    method: request.method,
    status: PROBLEMS[code].status,
    outcome: code,
    detail,
    body_sha256: sha256Hex(bytes),
    body_bytes: bytes.byteLength,
    elapsed_ms: elapsed(),
  });
  const refuse = async (code: ProblemCode, bytes: Uint8Array, extras: ProblemExtras = {}) => {
    await auditRequest(receiver, recordOf(code, bytes, extras.detail), false);
    return problem(code, extras);
  };

  if (request.method !== 'POST') {
    return refuse('method_not_allowed', new Uint8Array(), { headers: { allow: 'POST' } });
  }
  // Without the legacy secret: its header signs no id, and only this version or a later one sends pings.
  const { keys } = receiver.verificationKeys;
  const signed = await readSigned({ keys }, request, () => started);
  if (!signed.ok) return refuse(signed.code, signed.bytes, signed.extras);
  const { id, body, sender } = signed.request;
  if (id === null) return refuse('missing_signature', body);
  const json = readJson(body, { open: ['data'] });
  const refuseBody = (code: ProblemCode, extras: ProblemExtras) =>
    refuseVerified(receiver, sender, problem(code, extras), { ...recordOf(code, body), event_id: id });
  if (!json.ok) return refuseBody(json.code, json.extras);
  const parsed = validate(pingEnvelope, json.value);
  if (!parsed.ok) return refuseBody('invalid_body', { issues: parsed.issues });

  const { database_time } = await receiver.rpc('record_ping', { p_ping_id: id }, recorded);
  const received: PingAnswer = {
    outcome: 'received',
    ping_id: id,
    function_time: new Date(started).toISOString(),
    database_time,
  };
  return answer(received);
}
