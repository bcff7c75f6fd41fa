import { z } from 'zod';
import { jobSummary } from './console-reports.ts';
import { cappedCount, isoTime, pageOf, pageRequest, rowTime } from './paging.ts';
import { reportType, stage } from './webhooks.ts';

/**
 * How a job stands. `running`: under a lease. `waiting`: for a result from elsewhere. `overdue`: its lease or its deadline is
 * over, and the next sweep takes it over or ends it.
 */
export const jobState = z.enum(['running', 'waiting', 'overdue', 'succeeded', 'failed', 'cancelled']);

/** What the operators' list of jobs is filtered by: a state, or that a job was ever taken over. */
export const jobFilterState = z.enum([...jobState.options, 'taken_over']);
export type JobFilterState = z.infer<typeof jobFilterState>;

/** With state `failed` or `cancelled` the times are those of `completed_at`, else those of `created_at`. */
export const jobListQuery = z.strictObject({
  state: jobFilterState.optional(),
  report_type: reportType.optional(),
  stage: stage.optional(),
  /** The user whose jobs they are. */
  owner: z.guid().optional(),
  /** Not before this. */
  after: isoTime.optional(),
  /** Before this. */
  before: isoTime.optional(),
  ...pageRequest,
});
export type JobListQuery = z.input<typeof jobListQuery>;

/** A job as operators see it. */
export const operatorJob = jobSummary.extend({
  state: jobState,
  title: z.string().nullable(),
  owner_email: z.string().nullable(),
  /** False: its result is generated elsewhere. */
  generate: z.boolean(),
  model: z.string().nullable(),
  /** Counts the runners: each that takes the job raises it. */
  lease_token: z.int(),
  lease_expires_at: rowTime.nullable(),
  /** Until when a result from elsewhere is waited for. */
  deadline: rowTime,
  /** Its request is still known, and it has ended. */
  can_repeat: z.boolean(),
});
export type OperatorJob = z.infer<typeof operatorJob>;

/** Newest first; counts are those of all jobs. */
export const operatorJobPage = pageOf(operatorJob).extend({
  counts: z.object({
    running: cappedCount,
    waiting: cappedCount,
    overdue: cappedCount,
    failed: cappedCount,
    cancelled: cappedCount,
    taken_over: cappedCount,
  }),
});
export type OperatorJobPage = z.infer<typeof operatorJobPage>;
