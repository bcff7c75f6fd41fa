import { DEAD_REASONS } from '../contracts/constants.ts';
import type { PlanFilter } from '../contracts/plans.ts';
import { labelOf } from '../components/label-of.ts';
import { deliveryQueryOf, type DeliveryFilter } from './operator-queries.ts';

/** The dead letters that a list shows, as a plan names them. A moving range is fixed: a plan is about what was shown. */
export function planFilterOf(filter: DeliveryFilter): PlanFilter {
  const { stage, endpoint_id, response_status, after, before, ...rest } = deliveryQueryOf(filter);
  const { report_type, dead_reason, error, cause } = rest;
  const wanted = {
    report_type,
    dead_reason,
    error,
    cause,
    // Each stage has one internal endpoint.
    endpoint_id: endpoint_id ?? (stage === undefined ? undefined : `${stage}-report`),
    response_status: response_status?.toString(),
    dead_after: after,
    dead_before: before,
  };
  return Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined));
}

/** What a plan is about, in one line: its proposed name. */
export function describeFilter({ event_ids, ...filter }: PlanFilter): string {
  const reason = DEAD_REASONS.find((each) => each === filter.dead_reason);
  const parts = [
    event_ids !== undefined && 'selected deliveries',
    filter.cause,
    filter.cause === undefined && filter.response_status !== undefined && `answer ${filter.response_status}`,
    filter.error !== undefined && `error has “${filter.error}”`,
    filter.report_type !== undefined && labelOf(filter.report_type),
    reason !== undefined && labelOf(reason).toLowerCase(),
    filter.endpoint_id !== undefined && `at ${filter.endpoint_id}`,
  ].filter((part) => typeof part === 'string');
  return `Redrive: ${parts.length === 0 ? 'all dead letters' : parts.join(', ')}`.slice(0, 200);
}
