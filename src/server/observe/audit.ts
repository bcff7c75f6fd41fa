import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Sendable } from '../../contracts/text.ts';
import type { Store } from '../store/store.ts';
import type { Log } from './log.ts';

/** What the audit keeps of a request that applied nothing: never its body. */
export interface RequestRecord {
  endpoint: 'prelim-report' | 'final-report' | 'retry' | 'redrive' | 'plans' | 'sweep' | 'ping';
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
}

/** Unverified requests that are audited one by one in a minute; those beyond are counted. */
const UNVERIFIED_PER_MINUTE = 60;

/** Audits a request. The answer to it stands, audited or not. */
export async function auditRequest(
  { rpc, log }: Store & { log: Log },
  record: RequestRecord,
  verified: boolean,
): Promise<void> {
  const parameters = {
    // Its id recognises a repeated call.
    p_request: { id: randomUUID(), ...record },
    p_verified: verified,
    p_cap_per_minute: UNVERIFIED_PER_MINUTE,
  };
  try {
    await rpc('record_webhook_request', parameters, z.boolean());
  } catch (error) {
    log('error', 'a request was not audited', { endpoint: record.endpoint, outcome: record.outcome, error });
  }
}
