import {
  allReportsQuery,
  operatorReportPage,
  type AllReportsQuery,
  type OperatorReportPage,
} from '../contracts/console-operator-reports.ts';
import { searchResults, searchText, type SearchResults } from '../contracts/console-search.ts';
import { withInput, type Answer, type CallOptions } from './answer.ts';
import { call, page, type DatabaseClient } from './database.ts';

/** All reports, newest first, with owner, newest job and latest delivery. For operators; others get `42501`. */
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
 * Finds reports, jobs, events, deliveries and owners by the beginning of an id, a complete e-mail address (each such look-up
 * is audited), or beginnings of words in a report's name, organisation or title. For operators; others get `42501`.
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
