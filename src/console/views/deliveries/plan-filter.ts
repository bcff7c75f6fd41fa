import type { OpenDelivery } from '../../../contracts/console-deliveries.ts';
import { DEAD_REASONS } from '../../../contracts/constants.ts';
import type { PlanFilter, PlanRequest } from '../../../contracts/plans.ts';
import { labelOf } from '../../lib/label-of.ts';
import { deliveryQueryOf, type DeliveryFilter } from '../../lib/delivery-queries.ts';

/** What is asked to be done with many deliveries, before its reason is given. */
export interface PlanDraft {
  kind: PlanRequest['kind'];
  /** One plan each. */
  filters: readonly PlanFilter[];
  /** How many it is about, as far as is known. */
  count: string;
}

/** What a list shows, as a plan names it. A moving range is fixed: a plan is about what was shown. */
export function planFilterOf(filter: DeliveryFilter): PlanFilter {
  const { response_status, after, before, ...rest } = deliveryQueryOf(filter);
  const { status, report_type, stage, endpoint_id, dead_reason, error, cause } = rest;
  const range =
    status === 'dead'
      ? { dead_after: after, dead_before: before }
      : { created_after: after, created_before: before };
  const wanted = {
    status,
    report_type,
    stage,
    endpoint_id,
    dead_reason,
    error,
    cause,
    response_status: response_status?.toString(),
    ...range,
  };
  return Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined));
}

/** The selected, as plans name them: an event may have deliveries to other endpoints, so each endpoint has a plan of its own. */
export function selectionFilters(selected: readonly OpenDelivery[]): PlanFilter[] {
  const endpoints = new Set(selected.map(({ endpoint_id }) => endpoint_id));
  return [...endpoints].map((endpoint) => {
    const ids = selected.flatMap(({ event_id, endpoint_id }) => (endpoint_id === endpoint ? [event_id] : []));
    return { event_ids: [...new Set(ids)], endpoint_id: endpoint };
  });
}

/** What a plan is about, in one line: its proposed name. */
export function describePlanned(kind: PlanDraft['kind'], { event_ids, ...filter }: PlanFilter): string {
  const reason = DEAD_REASONS.find((each) => each === filter.dead_reason);
  const parts = [
    event_ids !== undefined && 'selected deliveries',
    filter.status !== undefined && filter.status !== 'dead' && labelOf(filter.status).toLowerCase(),
    filter.cause,
    filter.cause === undefined && filter.response_status !== undefined && `answer ${filter.response_status}`,
    filter.error !== undefined && `error contains “${filter.error}”`,
    filter.report_type !== undefined && labelOf(filter.report_type),
    filter.stage,
    reason !== undefined && labelOf(reason).toLowerCase(),
    filter.endpoint_id !== undefined && `at ${filter.endpoint_id}`,
  ].filter((part) => typeof part === 'string');
  const all = kind === 'redrive' ? 'all dead letters' : 'all open deliveries';
  return `${labelOf(kind)}: ${parts.length === 0 ? all : parts.join(', ')}`.slice(0, 200);
}
