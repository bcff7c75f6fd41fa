import { z } from 'zod';
import { operatorReport } from './console-operator-reports.ts';
import { jobState } from './console-jobs.ts';
import { endpointId } from './endpoints.ts';
import { rowTime } from './paging.ts';
import { jobId, reportType, stage } from './webhooks.ts';

/** The search text: the beginning of an id, a complete e-mail address, or beginnings of words. */
export const searchText = z.string().trim().min(2).max(320);

/** Up to six of each kind. */
export const searchResults = z.object({
  reports: z.array(operatorReport),
  jobs: z.array(
    z.object({
      job_id: jobId,
      state: jobState,
      report_type: reportType.nullable(),
      report_id: z.guid().nullable(),
      stage: stage.nullable(),
      created_at: rowTime,
    }),
  ),
  events: z.array(
    z.object({
      id: z.string(),
      type: z.string(),
      report_type: reportType,
      report_id: z.guid(),
      /** Null: no effect yet. */
      effect: z.enum(['applied', 'superseded']).nullable(),
      created_at: rowTime,
    }),
  ),
  deliveries: z.array(
    z.object({
      /** A number, as text. */
      id: z.string(),
      event_id: z.string(),
      endpoint_id: endpointId,
      status: z.string(),
      dead_at: rowTime.nullable(),
      report_type: reportType,
      report_id: z.guid(),
      created_at: rowTime,
    }),
  ),
  owners: z.array(z.object({ user_id: z.guid(), email: z.string().nullable() })),
});
export type SearchResults = z.infer<typeof searchResults>;
