import { retryRequest } from '../../contracts/retry.ts';
import type { Json } from '../../contracts/text.ts';
import type { Result } from '../http/operator-guard.ts';
import { answer, problem } from '../http/problem.ts';
import { parseJsonBody } from '../http/read-json.ts';
import type { Log } from '../observe/log.ts';
import { retryDelivery } from './retry-delivery.ts';
import type { Notifier } from './send-delivery.ts';
import { sweepDeliveries } from './sweep-deliveries.ts';

export type RetryServices = Notifier & { log: Log };

/** Retries one report's delivery. */
export async function retryOne(services: RetryServices, request: Request): Promise<Result> {
  const body = await parseJsonBody(request, retryRequest);
  if (!body.ok) return { response: body.answer, record: { outcome: body.code } };
  const { report_type, report_id, webhook_type, event_id } = body.value;
  const retried = await retryDelivery(services, body.value);
  const record = {
    outcome: retried.outcome,
    report_type,
    report_id,
    ...(webhook_type !== undefined && { endpoint_id: webhook_type }),
    ...(event_id !== undefined && { event_id }),
  };
  switch (retried.outcome) {
    case 'applied':
    case 'duplicate':
    case 'superseded':
    case 'already_succeeded':
      return { response: answer({ success: true, outcome: retried.outcome }), record };
    case 'delivery_busy':
    case 'delivery_closed':
    case 'delivery_not_found':
    case 'report_not_found':
      return { response: problem(retried.outcome), record };
    case 'delivery_failed':
      return {
        response: problem('delivery_failed', { detail: retried.detail, success: false }),
        record: { ...record, detail: retried.detail },
      };
  }
}

/** Sends all deliveries that are due. */
export async function retryAll(services: RetryServices): Promise<Result> {
  const swept = await sweepDeliveries(services);
  return { response: answer(swept), record: { outcome: 'swept', answer: swept satisfies Json } };
}
