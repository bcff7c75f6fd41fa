import type { ProblemCode } from '../../contracts/problem.ts';
import { retryRequest } from '../../contracts/retry.ts';
import type { Json } from '../../contracts/text.ts';
import { authenticateOperator } from '../auth/operators.ts';
import type { FindUser } from '../auth/users.ts';
import { stopwatch } from '../clock.ts';
import type { BearerKeys } from '../http/bearer.ts';
import type { Method } from '../http/endpoint.ts';
import { parseJsonBody } from '../http/read-json.ts';
import { answer, problem, type ProblemExtras } from '../http/problem.ts';
import type { Log } from '../observe/log.ts';
import { auditRequest, type RequestRecord } from '../observe/audit.ts';
import type { Notifier } from './send-delivery.ts';
import { retryDelivery } from './retry-delivery.ts';
import { sweepDeliveries } from './sweep-deliveries.ts';

export type RetryServices = Notifier & { log: Log; cronSecrets: BearerKeys; findUser: FindUser };

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

type Work = (actor: string) => Promise<Result>;

/**
 * Admits operators and the cron to an endpoint's methods. Refusals are audited, of other methods too, and so is what a
 * method says of its result. Whoever is not admitted, a signed-in user too, is under the cap: they must not be able to
 * fill the audit.
 */
export async function asOperator(
  services: RetryServices,
  endpoint: RequestRecord['endpoint'],
  request: Request,
  methods: Partial<Record<Method, Work>>,
): Promise<Response> {
  const elapsed = stopwatch(services.monotonicNow);
  const audit = (status: number, record: NonNullable<Result['record']>, verified: boolean) =>
    auditRequest(
      services,
      { endpoint, method: request.method, status, elapsed_ms: elapsed(), ...record },
      verified,
    );
  const refuse = async (code: ProblemCode, extras?: ProblemExtras, actor?: string) => {
    const response = problem(code, extras);
    await audit(response.status, { outcome: code, ...(actor !== undefined && { actor }) }, false);
    return response;
  };

  const work = new Map<string, Work>(Object.entries(methods)).get(request.method);
  if (work === undefined) {
    return refuse('method_not_allowed', { headers: { allow: Object.keys(methods).join(', ') } });
  }
  const access = await authenticateOperator(services, request.headers);
  if (!access.ok) return refuse(access.code, {}, 'actor' in access ? access.actor : undefined);
  const { response, record } = await work(access.actor);
  if (record !== null) await audit(response.status, { actor: access.actor, ...record }, true);
  return response;
}
