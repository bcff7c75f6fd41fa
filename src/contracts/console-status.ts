import { z } from 'zod';
import { ALERT_SEVERITIES } from './constants.ts';
import { endpointId } from './endpoints.ts';
import { rowTime } from './paging.ts';
import { deliveryBacklog } from './retry.ts';

const count = z.int().min(0);

/** Counts stop here: there may be more. */
export const STATUS_COUNTED = 1000;

export const endpointStatus = z.object({
  endpoint_id: endpointId,
  circuit: z.enum(['closed', 'open', 'half_open']),
  opened_at: rowTime.nullable(),
  /** When a probe may be sent. */
  probe_after: rowTime.nullable(),
  /** Null: no success among the last 10,000 attempts. */
  last_success: rowTime.nullable(),
  last_failure: rowTime.nullable(),
  /** The first failure after the last success, if any. */
  failing_since: rowTime.nullable(),
  /** The first success after the last failure, if any. */
  healthy_since: rowTime.nullable(),
  /** Attempts of the last five minutes. */
  recent: count,
  recent_failed: count,
  /** Unconfirmed deliveries; a new one counts after a minute. */
  waiting: count,
  next_attempt: rowTime.nullable(),
});
export type EndpointStatus = z.infer<typeof endpointStatus>;

/** An alert that is firing and not silenced. */
const firingAlert = z.object({
  id: z.guid(),
  rule: z.string(),
  /** The endpoint, stage, table, address or secret; empty if the rule has no subjects. */
  subject: z.string(),
  severity: z.enum(ALERT_SEVERITIES),
  fired_at: rowTime,
});
export type FiringAlert = z.infer<typeof firingAlert>;

export const consoleStatus = z.object({
  /** The database's time. */
  as_of: rowTime,
  endpoints: z.array(endpointStatus),
  /** Dead letters that need an operator. */
  dead: count,
  /** Jobs without a live runner that no sweep has taken over for two minutes. */
  jobs: z.object({ overdue: count, oldest: rowTime.nullable() }),
  /** `evaluated_at`: when the rules were last evaluated; null: never. */
  alerts: z.object({ evaluated_at: rowTime.nullable(), firing: z.array(firingAlert) }),
  backlog: deliveryBacklog,
  /** When the cron last called the sweep; null: never. */
  last_sweep: rowTime.nullable(),
});
export type ConsoleStatus = z.infer<typeof consoleStatus>;
