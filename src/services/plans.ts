import { z } from 'zod';
import { deliveryCauses, type DeliveryCauses } from '../contracts/console-deliveries.ts';
import { pageRequest } from '../contracts/paging.ts';
import {
  anyPlanKind,
  planAnswer,
  planPage,
  planRequest,
  replayRequest,
  type PlanAnswer,
  type PlanPage,
  type PlanRequest,
  type ReplayRequest,
} from '../contracts/plans.ts';
import { callApi, withInput, type Answer, type CallOptions } from './answer.ts';
import { call, page, type DatabaseClient } from './database.ts';

/** Failed deliveries grouped by cause, the largest group first. For operators; others get `42501`. */
export function getDeliveryCauses(
  client: DatabaseClient,
  options: CallOptions = {},
): Promise<Answer<DeliveryCauses>> {
  return call(client, 'delivery_causes', {}, deliveryCauses, options);
}

/** Requests a plan. It begins at once and continues on the server. For operators. */
export async function requestPlan(
  client: DatabaseClient,
  request: PlanRequest,
  options: CallOptions = {},
): Promise<Answer<PlanAnswer>> {
  return withInput(planRequest, request, (body) =>
    callApi(client, planAnswer, { method: 'POST', path: '/plans', body }, options),
  );
}

/** Proposes a replay and returns its preview. Nothing is sent before `applyPlan`. For operators. */
export async function proposeReplay(
  client: DatabaseClient,
  request: ReplayRequest,
  options: CallOptions = {},
): Promise<Answer<PlanAnswer>> {
  return withInput(replayRequest, request, (body) =>
    callApi(client, planAnswer, { method: 'POST', path: '/plans', body }, options),
  );
}

/** Applies a proposed replay. If it was applied before, returns it unchanged. For operators. */
export async function applyPlan(
  client: DatabaseClient,
  id: string,
  options: CallOptions = {},
): Promise<Answer<PlanAnswer>> {
  const path = `/plans?plan=${encodeURIComponent(id)}`;
  return callApi(client, planAnswer, { method: 'PATCH', path, body: { apply: true } }, options);
}

/** Ends a plan without undoing its work. For operators. */
export async function cancelPlan(
  client: DatabaseClient,
  id: string,
  options: CallOptions = {},
): Promise<Answer<PlanAnswer>> {
  return callApi(
    client,
    planAnswer,
    { method: 'DELETE', path: `/plans?plan=${encodeURIComponent(id)}` },
    options,
  );
}

const planQuery = z.strictObject({ ...pageRequest, kinds: z.array(anyPlanKind).min(1).optional() });
type PlanQuery = z.input<typeof planQuery>;

/** Plans of these kinds (default: all), newest first. For operators; others get `42501`. */
export async function getPlans(
  client: DatabaseClient,
  query: PlanQuery = {},
  options: CallOptions = {},
): Promise<Answer<PlanPage>> {
  return withInput(planQuery, query, (filter) =>
    call(client, 'list_plans', { ...page(filter), p_kinds: filter.kinds }, planPage, options),
  );
}
