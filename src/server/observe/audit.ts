import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { RateRefusal } from '../../contracts/rate-limit.ts';
import type { Sendable } from '../../contracts/text.ts';
import type { Store } from '../store/store.ts';
import type { Log } from './log.ts';

/** What the audit stores of a request that applied nothing: never its body. */
export interface RequestRecord {
  endpoint:
    | 'prelim-report'
    | 'final-report'
    | 'batch'
    | 'retry'
    | 'redrive'
    | 'plans'
    | 'endpoints'
    | 'endpoint-events'
    | 'sweep'
    | 'ping'
    | 'erase';
  method: string;
  /** HTTP status of the answer. */
  status: number;
  outcome: string;
  detail?: string | undefined;
  /** `cron`, or an operator's id. */
  actor?: string;
  endpoint_id?: string;
  event_id?: string;
  report_type?: string;
  report_id?: string;
  answer?: Record<string, Sendable>;
  body_sha256?: string;
  body_bytes?: number;
  elapsed_ms: number;
  /** From the request's traceparent. */
  trace_id?: string;
  span_id?: string;
}

/** Unverified or rate-limited requests that are audited one by one per minute; more are only counted. */
export const UNVERIFIED_PER_MINUTE = 60;

/** The record of a request that was answered 429. */
export function overItsRate(record: RequestRecord, { policy }: RateRefusal): RequestRecord {
  return { ...record, status: 429, outcome: 'rate_limited', detail: `over the rate of its ${policy}` };
}

/**
 * Audits a request. A failure to audit does not change the answer.
 * @param verified false: counts against the cap of this minute
 */
export async function auditRequest(
  { rpc, log }: Store & { log: Log },
  record: RequestRecord,
  verified: boolean,
): Promise<void> {
  const parameters = {
    // The id lets the database recognise a repeated call.
    p_request: { id: randomUUID(), ...record },
    p_verified: verified,
    p_cap_per_minute: UNVERIFIED_PER_MINUTE,
  };
  try {
    await rpc('record_webhook_request', parameters, z.boolean());
  } catch (error) {
    log('error', 'could not audit a request', {
      endpoint: record.endpoint,
      outcome: record.outcome,
      trace: record.trace_id,
      error,
    });
  }
}
