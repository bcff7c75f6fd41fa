import { z } from 'zod';
import {
  reportPage,
  reportQuery,
  reportRecord,
  reportRef,
  reportResult,
  type ReportPage,
  type ReportQuery,
  type ReportRecord,
  type ReportRef,
  type ReportResult,
} from '../contracts/console-reports.ts';
import { ask, first, found, withInput, type Answer, type CallOptions } from './answer.ts';
import { call, page, reportTable, type DatabaseClient } from './database.ts';

/** Reports, newest first: the person's own, or everybody's (operators). */
export async function listReports(
  client: DatabaseClient,
  query: ReportQuery = {},
  options: CallOptions = {},
): Promise<Answer<ReportPage>> {
  return withInput(reportQuery, query, (filter) =>
    call(
      client,
      'list_reports',
      { p_scope: filter.scope, p_report_type: filter.report_type, ...page(filter) },
      reportPage,
      options,
    ),
  );
}

/** A report with its content. `not_found`: no such report, or the person may not see it. */
export async function getReport(
  client: DatabaseClient,
  report: ReportRef,
  { signal }: CallOptions = {},
): Promise<Answer<ReportRecord>> {
  return withInput(reportRef, report, async ({ report_type, report_id }) => {
    const query = reportTable(client, report_type).select().eq('id', report_id).limit(1);
    const answer = await ask(client, signal ? query.abortSignal(signal) : query, z.array(reportRecord));
    return first(answer, 'There is no such report.');
  });
}

/** The newest completed result of each stage, prelim first, for comparison. `not_found`: the person may see no such report. */
export async function getReportResults(
  client: DatabaseClient,
  report: ReportRef,
  options: CallOptions = {},
): Promise<Answer<ReportResult[]>> {
  return withInput(reportRef, report, async ({ report_type, report_id }) => {
    const parameters = { p_report_type: report_type, p_report_id: report_id };
    const answer = await call(
      client,
      'report_results',
      parameters,
      z.array(reportResult).nullable(),
      options,
    );
    return found(answer, 'There is no such report.');
  });
}
