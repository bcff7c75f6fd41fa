import { retryRequest } from '../../contracts/retry.ts';
import type { Json } from '../../contracts/text.ts';
import { authenticateOperator } from '../auth/operators.ts';
import type { FindUser } from '../auth/users.ts';
import type { Rpc } from '../db/rpc.ts';
import { parseJsonBody } from '../http/json.ts';
import { answer, problem } from '../http/problem.ts';
import type { Log } from '../log.ts';
import { auditRequest, type RequestRecord } from './audit.ts';
import type { Sender } from './call-webhook.ts';
import { retryDelivery } from './retry-delivery.ts';
import { sweepDeliveries } from './sweep-deliveries.ts';

export type RetryServices = Sender & { rpc: Rpc; log: Log; cronSecret: string; findUser: FindUser };

/** What is answered, and what the audit keeps of it: null where there is nothing worth a row every minute. */
export interface Result {
  response: Response;
  record: (Pick<RequestRecord, 'outcome'> & Partial<RequestRecord>) | null;
}

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
    ...(webhook_type !== undefined && { webhook_type }),
    ...(event_id !== undefined && { event_id }),
  };
  switch (retried.outcome) {
    case 'applied':
    case 'duplicate':
    case 'superseded':
    case 'already_succeeded':
      return { response: answer({ success: true, outcome: retried.outcome }), record };
    case 'delivery_busy':
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

/**
 * Admits operators and the cron. A refusal is audited, and so is what `work` says of its result. Whoever is not admitted, a signed-in user too, is under the cap: they must not be able to fill the audit.
 */
export async function asOperator(
  services: RetryServices,
  endpoint: RequestRecord['endpoint'],
  request: Request,
  work: (actor: string) => Promise<Result>,
): Promise<Response> {
  const started = services.now();
  const access = await authenticateOperator(services, request.headers);
  const { response, record } = access.ok
    ? await work(access.actor)
    : { response: problem(access.code), record: { outcome: access.code } };
  if (record === null) return response;
  const { actor } = access;
  await auditRequest(
    services,
    {
      endpoint,
      method: request.method,
      status: response.status,
      elapsed_ms: services.now() - started,
      ...(actor !== undefined && { actor }),
      ...record,
    },
    access.ok,
  );
  return response;
}
