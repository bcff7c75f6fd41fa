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
import { STAGES } from '../contracts/constants.ts';
import type { Stage } from '../contracts/webhooks.ts';
import { ask, first, withInput, type Answer, type CallOptions } from './answer.ts';
import { call, page, type DatabaseClient } from './database.ts';
import { getReportJob, listReportJobs } from './report-jobs.ts';

/** Reports, newest first: the person's own, or (operators) everybody's. */
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

/** A report with its content. `not_found`: no such report, or not one that this person may see. */
export async function getReport(
  client: DatabaseClient,
  report: ReportRef,
  { signal }: CallOptions = {},
): Promise<Answer<ReportRecord>> {
  return withInput(reportRef, report, async ({ report_type, report_id }) => {
    const query = client.from(`${report_type}_reports`).select().eq('id', report_id).limit(1);
    const answer = await ask(client, signal ? query.abortSignal(signal) : query, z.array(reportRecord));
    return first(answer, 'There is no such report.');
  });
}

/**
 * The newest completed result of each stage, prelim first: to compare them. Operators read events; owners, who may not,
 * read the results of their own jobs.
 */
export async function getReportResults(
  client: DatabaseClient,
  report: ReportRef,
  options: CallOptions = {},
): Promise<Answer<ReportResult[]>> {
  return withInput(reportRef, report, async (ref) => {
    const events = await resultsOfEvents(client, ref, options);
    if (events.error !== null || events.data.length > 0) return events;
    return resultsOfJobs(client, ref, options);
  });
}

async function resultsOfEvents(
  client: DatabaseClient,
  { report_type, report_id }: ReportRef,
  { signal }: CallOptions,
): Promise<Answer<ReportResult[]>> {
  const newest = (stage: Stage) => {
    const query = client
      .from('report_events')
      .select('stage, job_id, requested_at, research_report')
      .match({ report_id, report_type, stage, status: 'completed' })
      .order('requested_at', { ascending: false })
      .limit(1);
    return ask(client, signal ? query.abortSignal(signal) : query, z.array(reportResult));
  };
  return collect(STAGES.map(newest));
}

async function resultsOfJobs(
  client: DatabaseClient,
  report: ReportRef,
  options: CallOptions,
): Promise<Answer<ReportResult[]>> {
  const jobs = await listReportJobs(client, { report }, options);
  if (jobs.error !== null) return jobs;
  const newest = STAGES.map((stage) =>
    jobs.data.rows.find((job) => job.stage === stage && job.status === 'succeeded'),
  );
  return collect(
    newest.map(async (job): Promise<Answer<ReportResult[]>> => {
      if (!job?.stage) return { data: [], error: null };
      const read = await getReportJob(client, job.job_id, options);
      if (read.error !== null) return read;
      const { stage, job_id, created_at } = job;
      return {
        data: [{ stage, job_id, requested_at: created_at, research_report: read.data.result }],
        error: null,
      };
    }),
  );
}

async function collect<T>(questions: Promise<Answer<T[]>>[]): Promise<Answer<T[]>> {
  const all: T[] = [];
  for (const answer of await Promise.all(questions)) {
    if (answer.error !== null) return answer;
    all.push(...answer.data);
  }
  return { data: all, error: null };
}
