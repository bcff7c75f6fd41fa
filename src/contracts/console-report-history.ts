import { z } from 'zod';
import { eventSummary, timelineStep } from './console-audit.ts';
import { openDelivery } from './console-deliveries.ts';
import { operatorJob } from './console-jobs.ts';
import { operatorReport } from './console-operator-reports.ts';
import { endpointId } from './endpoints.ts';
import { rowTime } from './paging.ts';
import { stage } from './webhooks.ts';

/** A step of a report's timeline, with the ids it belongs to, as far as known. */
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

/**
 * Answer of the SQL function `report_history()`: everything known about one report. Each list has the newest rows, newest
 * first.
 */
export const reportHistory = z.object({
  /** The database's time. */
  as_of: rowTime,
  /** Null: the report was deleted. */
  report: operatorReport
    .extend({ organisation: z.string().nullable(), winner_event_id: z.string().nullable() })
    .nullable(),
  jobs: z.array(historyJob),
  events: z.array(eventSummary),
  /** Deliveries to our own endpoints. */
  deliveries: z.array(openDelivery),
  /** Oldest first. */
  steps: z.array(historyStep),
  /** Whether there are more rows than returned. */
  truncated: z.boolean(),
  /** Circuits of our own endpoints that are not closed. */
  circuits: z.array(openCircuit),
  /** Null: no sweep has run yet. */
  last_sweep: rowTime.nullable(),
});
export type ReportHistory = z.infer<typeof reportHistory>;
