import { z } from 'zod';
import { jobSummary } from './console-reports.ts';
import { cappedCount, isoTime, pageOf, pageRequest, rowTime } from './paging.ts';
import { reportType, stage } from './webhooks.ts';

/**
 * State of a job. `running`: under a lease. `waiting`: for a result that is generated elsewhere. `overdue`: its lease or
 * deadline has expired, and the next sweep takes the job over or ends it.
 */
export const jobState = z.enum(['running', 'waiting', 'overdue', 'succeeded', 'failed', 'cancelled']);

/** Filter values of the operators' list of jobs: a state, or `taken_over` for jobs that were ever taken over. */
export const jobFilterState = z.enum([...jobState.options, 'taken_over']);
export type JobFilterState = z.infer<typeof jobFilterState>;

/** With state `failed` or `cancelled`, `from` and `to` apply to `completed_at`, otherwise to `created_at`. */
export const jobListQuery = z.strictObject({
  state: jobFilterState.optional(),
  report_type: reportType.optional(),
  stage: stage.optional(),
  /** The owner of the jobs. */
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
  /** False: the result is generated elsewhere. */
  generate: z.boolean(),
  model: z.string().nullable(),
  /** Number of runners so far: each take-over raises it. */
  lease_token: z.int(),
  lease_expires_at: rowTime.nullable(),
  /** Deadline for a result that is generated elsewhere. */
  deadline: rowTime,
  /** Whether it has ended and its request is still stored, so that it can be run again. */
  can_repeat: z.boolean(),
});
export type OperatorJob = z.infer<typeof operatorJob>;

/** Newest first; the counts are of all jobs. */
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
