import type { z } from 'zod';
import {
  jobListQuery,
  operatorJobPage,
  type JobListQuery,
  type OperatorJobPage,
} from '../contracts/console-jobs.ts';
import { jobPage, jobQuery, type JobPage, type JobQuery } from '../contracts/console-reports.ts';
import {
  idempotencyKey,
  jobAccepted,
  jobRequest,
  jobView,
  type JobAccepted,
  type JobView,
} from '../contracts/jobs.ts';
import { jobId } from '../contracts/webhooks.ts';
import { callApi, withInput, type Answer, type CallOptions } from './answer.ts';
import { call, page, type DatabaseClient } from './database.ts';

/** Jobs, newest first: the person's own, or everybody's (operators). */
export async function listReportJobs(
  client: DatabaseClient,
  query: JobQuery = {},
  options: CallOptions = {},
): Promise<Answer<JobPage>> {
  return withInput(jobQuery, query, (filter) =>
    call(
      client,
      'list_report_jobs',
      {
        p_scope: filter.scope,
        p_report_type: filter.report?.report_type,
        p_report_id: filter.report?.report_id,
        ...page(filter),
      },
      jobPage,
      options,
    ),
  );
}

/** All jobs with their leases, newest first, and counts by state. For operators; others get `42501`. */
export async function listAllJobs(
  client: DatabaseClient,
  query: JobListQuery = {},
  options: CallOptions = {},
): Promise<Answer<OperatorJobPage>> {
  return withInput(jobListQuery, query, (filter) =>
    call(
      client,
      'list_jobs',
      {
        p_state: filter.state,
        p_report_type: filter.report_type,
        p_stage: filter.stage,
        p_owner: filter.owner,
        p_after: filter.after,
        p_before: filter.before,
        ...page(filter),
      },
      operatorJobPage,
      options,
    ),
  );
}

/**
 * Requests a job for a report of the signed-in person. A repeated key returns the same job, so a repeated call starts nothing
 * twice. Codes: `report_not_found`, `final_exists`, `quota_exceeded`, `budget_exceeded`, `rate_limited`,
 * `idempotency_conflict`.
 */
export async function startReportJob(
  client: DatabaseClient,
  request: z.input<typeof jobRequest>,
  key: string,
  options: CallOptions = {},
): Promise<Answer<JobAccepted>> {
  return withInput(idempotencyKey, key, (checkedKey) =>
    withInput(jobRequest, request, (body) =>
      callApi(
        client,
        jobAccepted,
        { method: 'POST', path: '/reportJobsDb', body, headers: { 'idempotency-key': checkedKey } },
        options,
      ),
    ),
  );
}

/** Cancels an unfinished job: the person's own, or anybody's (operators). Returns the job. */
export async function cancelReportJob(
  client: DatabaseClient,
  id: string,
  options: CallOptions = {},
): Promise<Answer<JobView>> {
  return withInput(jobId, id, (checkedId) =>
    callApi(client, jobView, { method: 'DELETE', path: pathOf(checkedId) }, options),
  );
}

/**
 * Requests a new job with the request of a finished one: the person's own, or anybody's (operators). If the report has an
 * unfinished job of that stage, returns that job. Codes: `job_not_found`, `job_not_repeatable` (`details` say why), and those
 * of `startReportJob`.
 */
export async function repeatReportJob(
  client: DatabaseClient,
  id: string,
  options: CallOptions = {},
): Promise<Answer<JobAccepted>> {
  return withInput(jobId, id, (checkedId) =>
    callApi(client, jobAccepted, { method: 'POST', path: pathOf(checkedId) }, options),
  );
}

function pathOf(id: string): string {
  return `/reportJobsDb?job_id=${encodeURIComponent(id)}`;
}
