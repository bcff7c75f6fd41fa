import { z } from 'zod';
import { rateRefusal } from '../../contracts/rate-limit.ts';
import { tooManyRequests } from '../http/too-many-requests.ts';
import type { Store } from '../store/store.ts';
import { auditRequest, overItsRate, type RequestRecord } from './audit.ts';
import type { Log } from './log.ts';

const asked = z.object({ refusal: rateRefusal.nullable(), failure: z.string().nullable() });

/**
 * Audits and answers a verified request that changes nothing. Each takes one of its sender's tokens: otherwise a faulty
 * sender could fill the audit. Over the rate, the answer is 429, and the request counts as refused.
 * @param sender the fingerprint of the key that verified the request
 */
export async function refuseVerified(
  services: Store & { log: Log },
  sender: string,
  refusal: Response,
  record: RequestRecord,
): Promise<Response> {
  const { refusal: rate, failure } = await takeSenderToken(services, sender);
  if (rate !== null) {
    await auditRequest(services, overItsRate(record, rate), false);
    return tooManyRequests(rate);
  }
  const detail = [record.detail, failure].filter((text) => text !== undefined && text !== null).join('; ');
  await auditRequest(services, { ...record, detail: detail === '' ? undefined : detail }, true);
  return refusal;
}

/** If the limiter fails, the request is let through. */
async function takeSenderToken({ rpc, log }: Store & { log: Log }, sender: string) {
  try {
    return await rpc('take_sender_token', { p_sender: sender }, asked);
  } catch (error) {
    log('error', 'could not check the rate limit', { error });
    return { refusal: null, failure: 'could not check the rate limit' };
  }
}
