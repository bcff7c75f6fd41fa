import { z } from 'zod';
import { eventSummary, timelineStep } from './console-audit.ts';
import { openDelivery } from './console-deliveries.ts';
import { operatorJob } from './console-jobs.ts';
import { operatorReport } from './console-operator-reports.ts';
import { endpointId } from './endpoints.ts';
import { rowTime } from './paging.ts';
import { stage } from './webhooks.ts';

/** A step of a report's timeline, with what it is of, as far as it is known. */
export const historyStep = timelineStep.and(
  z.object({
    job_id: z.string().nullish(),
    event_id: z.string().nullish(),
    endpoint_id: endpointId.nullish(),
    stage: stage.nullish(),
  }),
);
export type HistoryStep = z.infer<typeof historyStep>;

const historyJob = operatorJob.omit({ title: true, owner_email: true });
export type HistoryJob = z.infer<typeof historyJob>;

const openCircuit = z.object({
  endpoint_id: endpointId,
  opened_at: rowTime,
  probe_after: rowTime.nullable(),
});

/** Answer of the SQL function `report_history()`: what is known of one report. Each list has its newest rows, newest first. */
export const reportHistory = z.object({
  /** By the clock of the database. */
  as_of: rowTime,
  /** Null: it was deleted. */
  report: operatorReport
    .extend({ organisation: z.string().nullable(), winner_event_id: z.string().nullable() })
    .nullable(),
  jobs: z.array(historyJob),
  events: z.array(eventSummary),
  /** To endpoints of ours. */
  deliveries: z.array(openDelivery),
  /** Oldest first. */
  steps: z.array(historyStep),
  /** There are more rows than these. */
  truncated: z.boolean(),
  /** Those of our endpoints that are not closed. */
  circuits: z.array(openCircuit),
  /** Null: none came yet. */
  last_sweep: rowTime.nullable(),
});
export type ReportHistory = z.infer<typeof reportHistory>;
