import { reportHistory, type ReportHistory } from '../contracts/console-report-history.ts';
import { reportRef, type ReportRef } from '../contracts/console-reports.ts';
import { found, withInput, type Answer, type CallOptions } from './answer.ts';
import { call, type DatabaseClient } from './database.ts';

/**
 * Everything about one report: jobs, events, deliveries, and a timeline of all. For operators; others get `42501`.
 * `not_found`: nothing is known about this report.
 */
export async function getReportHistory(
  client: DatabaseClient,
  report: ReportRef,
  options: CallOptions = {},
): Promise<Answer<ReportHistory>> {
  return withInput(reportRef, report, async ({ report_type, report_id }) => {
    const parameters = { p_report_type: report_type, p_report_id: report_id };
    const answer = await call(client, 'report_history', parameters, reportHistory.nullable(), options);
    return found(answer, 'Nothing is known of this report.');
  });
}
