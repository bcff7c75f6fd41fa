import {
  allReportsQuery,
  operatorReportPage,
  type AllReportsQuery,
  type OperatorReportPage,
} from '../contracts/console-operator-reports.ts';
import { reportHistory, type ReportHistory } from '../contracts/console-report-history.ts';
import { reportRef, type ReportRef } from '../contracts/console-reports.ts';
import { searchResults, searchText, type SearchResults } from '../contracts/console-search.ts';
import { found, withInput, type Answer, type CallOptions } from './answer.ts';
import { call, page, type DatabaseClient } from './database.ts';

/** Everybody's reports, newest first, with owner, newest job and latest delivery. For operators; others: `42501`. */
export async function listAllReports(
  client: DatabaseClient,
  query: AllReportsQuery = {},
  options: CallOptions = {},
): Promise<Answer<OperatorReportPage>> {
  return withInput(allReportsQuery, query, (filter) =>
    call(
      client,
      'list_all_reports',
      {
        p_state: filter.state,
        p_report_type: filter.report_type,
        p_owner: filter.owner,
        ...page(filter),
      },
      operatorReportPage,
      options,
    ),
  );
}

/**
 * Finds reports, jobs, events, deliveries and owners: by the beginning of an id, a whole e-mail address (each such look-up is
 * audited), or beginnings of words of a report's name, organisation or title. For operators; others: `42501`.
 */
export async function searchConsole(
  client: DatabaseClient,
  text: string,
  options: CallOptions = {},
): Promise<Answer<SearchResults>> {
  return withInput(searchText, text, (p_text) =>
    call(client, 'search_console', { p_text }, searchResults, options),
  );
}

/**
 * Everything about one report: jobs, events, deliveries, and one timeline over them. For operators; others: `42501`.
 * `not_found`: nothing is known of this report.
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
