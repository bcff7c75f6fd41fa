import type { InternalEndpoint } from '../../contracts/endpoints.ts';
import { PROBLEMS, type ProblemCode } from '../../contracts/problem.ts';
import { stopwatch, type Clock } from '../clock.ts';
import { readSigned } from '../deliver/read-signed.ts';
import { sha256Hex, type VerificationKeys, type VerifiedBody } from '../deliver/verify.ts';
import { problem, type ProblemExtras } from '../http/problem.ts';
import { readTraceparent, type TraceContext } from '../http/traceparent.ts';
import { auditRequest, type RequestRecord } from '../observe/audit.ts';
import type { Log } from '../observe/log.ts';
import type { Store } from '../store/store.ts';

export interface Receiver extends Store, Clock {
  verificationKeys: VerificationKeys;
  log: Log;
  /** Sends just applied events to their subscribers, after the answer. */
  tellSubscribers: (...eventIds: string[]) => void;
  /** From 0 to 1. */
  random: () => number;
}

type RecordOf = (code: ProblemCode, bytes: Uint8Array, detail?: string) => RequestRecord;

type Opened =
  | {
      ok: true;
      signed: VerifiedBody;
      trace: TraceContext | null;
      /** Milliseconds since the request arrived. */
      elapsed: () => number;
      /** The audit record of a refusal. */
      recordOf: RecordOf;
    }
  | { ok: false; response: Response };

/** The first steps of all endpoints for signed events. A request rejected here is audited as unverified. */
export async function openSigned(
  receiver: Receiver,
  endpoint: InternalEndpoint | 'batch',
  keys: VerificationKeys,
  request: Request,
): Promise<Opened> {
  const elapsed = stopwatch(receiver.monotonicNow);
  const trace = readTraceparent(request.headers);
  const recordOf: RecordOf = (code, bytes, detail) => ({
    endpoint,
    // A batch addresses several endpoints.
    ...(endpoint !== 'batch' && { endpoint_id: endpoint }),
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
    return { ok: false as const, response: problem(code, extras) };
  };
  if (request.method !== 'POST') {
    return refuse('method_not_allowed', new Uint8Array(), { headers: { allow: 'POST' } });
  }
  const signed = await readSigned(keys, request, receiver.now);
  if (!signed.ok) return refuse(signed.code, signed.bytes, signed.extras);
  return { ok: true, signed: signed.request, trace, elapsed, recordOf };
}
