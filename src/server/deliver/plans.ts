import { z } from 'zod';
import { PLAN_STATUSES } from '../../contracts/constants.ts';
import {
  anyPlanRequest,
  applyPlanRequest,
  plan,
  planQuery,
  storedFilter,
  type PlanAnswer,
} from '../../contracts/plans.ts';
import { CRON } from '../auth/operators.ts';
import type { MonotonicClock } from '../clock.ts';
import { answer, problem } from '../http/problem.ts';
import { parseJsonBody } from '../http/read-json.ts';
import type { Log } from '../observe/log.ts';
import type { Store } from '../store/store.ts';
import type { Result } from '../http/operator-guard.ts';

/** Deliveries per transaction, whose locks are held until its end. */
const SLICE = 100;
/** How long the request that made a plan works on it, after its answer; the sweeps continue. */
const BUDGET_MS = 60_000;

type PlanServices = Store &
  MonotonicClock & {
    log: Log;
    /** Keeps the function running for work after the answer. */
    waitUntil: (work: Promise<unknown>) => void;
  };

/** Members of both kinds of request that are arrays or objects. */
const OPEN = ['filter', 'event_ids', 'endpoint_ids', 'types'];

const requested = z.union([
  z.object({ outcome: z.literal('planned'), plan }),
  z.object({ outcome: z.literal('idempotency_conflict') }),
]);
const applied = z.union([
  z.object({ outcome: z.literal('applied'), plan }),
  z.object({ outcome: z.literal('plan_not_found') }),
]);
const cancelled = z.union([
  z.object({ outcome: z.enum(PLAN_STATUSES), plan }),
  z.object({ outcome: z.literal('plan_not_found') }),
]);

/**
 * `POST`: stores a plan and starts it after the answer. A replay is only proposed, and the answer has its preview. Not for
 * the cron, since a plan names the person who decided it.
 * @param actor an operator's id, or `cron`, which is refused
 */
export async function requestPlan(services: PlanServices, request: Request, actor: string): Promise<Result> {
  if (actor === CRON) return { response: problem('forbidden'), record: { outcome: 'forbidden' } };
  const body = await parseJsonBody(request, anyPlanRequest, OPEN);
  if (!body.ok) return { response: body.answer, record: { outcome: body.code } };
  const { request_id, kind, name, reason, filter } = body.value;
  const stored = body.value.kind === 'replay' ? storedFilter(body.value.filter) : filter;
  const parameters = {
    p_request_id: request_id,
    p_kind: kind,
    p_name: name,
    p_reason: reason,
    p_filter: stored,
    p_actor: actor,
  };
  const outcome = await services.rpc('request_plan', parameters, requested);
  if (outcome.outcome !== 'planned') {
    return { response: problem(outcome.outcome), record: { outcome: outcome.outcome } };
  }
  if (outcome.plan.status === 'running') begin(services);
  const made: PlanAnswer = { plan: outcome.plan };
  return {
    response: answer(made, { status: 202 }),
    record: { outcome: 'planned', answer: { plan: Number(made.plan.id), name, reason, filter } },
  };
}

/** After the answer; the sweeps do the rest. */
function begin(services: PlanServices): void {
  services.waitUntil(
    workPlans(services, services.monotonicNow() + BUDGET_MS).catch((error: unknown) => {
      services.log('error', 'could not work on a plan; the sweep will continue it', { error });
    }),
  );
}

/**
 * `PATCH ?plan=`: applies a proposed replay. A plan that is running or has ended is returned unchanged, so a repeated request
 * applies nothing twice.
 */
export async function applyPlan(services: PlanServices, request: Request, actor: string): Promise<Result> {
  if (actor === CRON) return { response: problem('forbidden'), record: { outcome: 'forbidden' } };
  const query = planQuery.safeParse(Object.fromEntries(new URL(request.url).searchParams));
  if (!query.success) return { response: problem('invalid_query'), record: { outcome: 'invalid_query' } };
  const body = await parseJsonBody(request, applyPlanRequest);
  if (!body.ok) return { response: body.answer, record: { outcome: body.code } };
  const outcome = await services.rpc('apply_plan', { p_plan_id: query.data.plan, p_actor: actor }, applied);
  if (outcome.outcome !== 'applied') {
    return { response: problem(outcome.outcome), record: { outcome: outcome.outcome } };
  }
  if (outcome.plan.status === 'running') begin(services);
  const begun: PlanAnswer = { plan: outcome.plan };
  // SQL audits the application in its transaction.
  return { response: answer(begun), record: null };
}

/** `DELETE ?plan=`: ends a plan without undoing its work. An ended plan is returned unchanged. */
export async function cancelPlan(services: PlanServices, request: Request, actor: string): Promise<Result> {
  if (actor === CRON) return { response: problem('forbidden'), record: { outcome: 'forbidden' } };
  const query = planQuery.safeParse(Object.fromEntries(new URL(request.url).searchParams));
  if (!query.success) return { response: problem('invalid_query'), record: { outcome: 'invalid_query' } };
  const outcome = await services.rpc(
    'cancel_plan',
    { p_plan_id: query.data.plan, p_actor: actor },
    cancelled,
  );
  if (outcome.outcome === 'plan_not_found') {
    return { response: problem('plan_not_found'), record: { outcome: 'plan_not_found' } };
  }
  const ended: PlanAnswer = { plan: outcome.plan };
  return { response: answer(ended), record: { outcome: 'cancelled', answer: { plan: query.data.plan } } };
}

const slice = z
  .object({
    plan_id: z.int(),
    status: z.enum(PLAN_STATUSES),
    /** Number of deliveries made due. */
    redriven: z.int(),
    /** Why the slice failed. */
    error: z.string().optional(),
  })
  .nullable();

/**
 * Works on plans, slice by slice, until none has anything to do now or the deadline is reached. Any number of processes may
 * do so concurrently: each slice is one transaction under its plan's lock. Returns the number of deliveries made due.
 * @throws {DatabaseUnavailable}
 */
export async function workPlans(
  { rpc, log, monotonicNow }: Store & MonotonicClock & { log: Log },
  deadline: number,
): Promise<number> {
  let redriven = 0;
  while (monotonicNow() < deadline) {
    const done = await rpc('work_plan', { p_limit: SLICE }, slice);
    if (done === null) break;
    if (done.error !== undefined) {
      log('error', 'a slice of a plan failed', { plan: done.plan_id, error: done.error });
    }
    redriven += done.redriven;
  }
  return redriven;
}
