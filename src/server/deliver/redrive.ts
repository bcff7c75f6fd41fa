import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { redriveRequest, type RedriveAnswer } from '../../contracts/retry.ts';
import { parseJsonBody } from '../http/read-json.ts';
import type { MonotonicClock } from '../clock.ts';
import type { Store } from '../store/store.ts';
import { answer, problem } from '../http/problem.ts';
import type { Result } from '../http/operator-guard.ts';

/** Dead letters per transaction, whose locks are held until its end. */
const BATCH = 500;
const BUDGET_MS = 60_000;

/**
 * Puts dead letters back on schedule: the next sweep sends them. Not for the cron, since the audit names the person who
 * decided it.
 * @param actor an operator's id, or `cron`, which is refused
 */
export async function redrive(
  services: Store & MonotonicClock,
  request: Request,
  actor: string,
): Promise<Result> {
  if (actor === 'cron') return { response: problem('forbidden'), record: { outcome: 'forbidden' } };
  const body = await parseJsonBody(request, redriveRequest, ['event_ids', 'filter']);
  if (!body.ok) return { response: body.answer, record: { outcome: body.code } };
  const filter = 'filter' in body.value ? byEndpoint(body.value.filter) : body.value;
  const deadline = services.monotonicNow() + BUDGET_MS;
  const result: RedriveAnswer = { redriven: 0 };
  for (;;) {
    const parameters = { p_filter: filter, p_actor: actor, p_limit: BATCH, p_claim_id: randomUUID() };
    const batch = await services.rpc('redrive_deliveries', parameters, z.int());
    result.redriven += batch;
    if (batch < BATCH || services.monotonicNow() > deadline) break;
  }
  return { response: answer(result), record: { outcome: 'redriven', answer: { ...result, filter } } };
}

/** `webhook_type` is the HTTP contract's name of an internal endpoint. */
function byEndpoint<T extends { webhook_type?: string | undefined }>({ webhook_type, ...filter }: T) {
  return { ...filter, ...(webhook_type !== undefined && { endpoint_id: webhook_type }) };
}
