import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import {
  jobView,
  receivedJobResult,
  type JobAccepted,
  type JobView,
  type ReceivedJobResult,
} from '../../contracts/jobs.ts';
import type { ServerEnv } from '../../contracts/env.ts';
import { rateRefusal } from '../../contracts/rate-limit.ts';
import { jobId } from '../../contracts/webhooks.ts';
import type { FindUser } from '../auth/users.ts';
import type { BearerKeys } from '../http/bearer.ts';
import { parseJsonBody } from '../http/read-json.ts';
import { answer, problem, unavailable } from '../http/problem.ts';
import { tooManyRequests } from '../http/too-many-requests.ts';
import { readTraceparent } from '../http/traceparent.ts';
import { notifyReportCompletion } from '../deliver/notify-report-completion.ts';
import { findCaller, PIPELINE, type Caller } from './callers.ts';
import { completeJob, type JobOutcome } from './complete-job.ts';
import { jobRun } from './job-run.ts';
import { readJobRequest } from './read-request.ts';
import { runJob, type Runner } from './run-job.ts';

export type JobServices = Runner & {
  pipelineApiKeys: BearerKeys;
  findUser: FindUser;
  jobQuotaPerUser: number;
  jobsPerUserPerDay: number;
  jobsPerDay: number;
  reportlessJobs: ServerEnv['REPORTLESS_JOBS'];
  /** Keeps the function running for work after the answer. */
  waitUntil: (work: Promise<unknown>) => void;
};

const requested = z.union([
  z.object({ outcome: z.enum(['created', 'existing']), job: jobView, run: jobRun.optional() }),
  z.object({
    outcome: z.enum([
      'unauthorized',
      'report_not_found',
      'final_exists',
      'quota_exceeded',
      'idempotency_conflict',
    ]),
  }),
  z.object({
    outcome: z.literal('budget_exceeded'),
    budget: z.enum(['user', 'project']),
    retry_after_seconds: z.int().min(1),
  }),
  rateRefusal,
]);

const BUDGETS = {
  user: 'You have requested as many jobs as one user may within 24 hours (JOBS_PER_USER_PER_DAY).',
  project: 'All callers together have requested as many jobs as they may within 24 hours (JOBS_PER_DAY).',
};

/** A job without a report is free use of a language model: the deployment decides who may request one. */
function mayOmitReport(setting: JobServices['reportlessJobs'], caller: Caller): boolean {
  switch (setting) {
    case 'off':
      return false;
    case 'pipeline':
      return caller === PIPELINE;
    case 'users':
      return true;
  }
}

const repeated = z.union([
  requested,
  z.object({ outcome: z.enum(['job_not_found', 'report_required']) }),
  z.object({
    outcome: z.literal('job_not_repeatable'),
    reason: z.enum(['erased', 'elsewhere', 'unfinished']),
  }),
]);

const NOT_REPEATABLE = {
  erased: 'The request of this job was erased.',
  elsewhere: 'The pipeline generates the results of this job: request a new one there.',
  unfinished: 'The job has not finished. Cancel it first.',
};

/** `POST`: requests a job, which runs after the answer. With `?job_id=`, it repeats the request of that finished job. */
export async function requestJob(services: JobServices, request: Request): Promise<Response> {
  const access = await findCaller(services, request.headers);
  if (!access.ok) return problem(access.code);
  const { caller } = access;
  if (new URL(request.url).searchParams.has('job_id')) return repeatJob(services, request, caller);
  const read = await readJobRequest(request);
  if (!read.ok) return read.answer;
  const { report, isOncePerReport, ...job } = read.value;
  if (report === null && !mayOmitReport(services.reportlessJobs, caller)) {
    return problem('report_required', { detail: 'Name the report with report_type and report_id.' });
  }
  const parameters = {
    ...newJob(services, caller, request),
    ...(report !== null && {
      p_report_type: report.report_type,
      p_report_id: report.report_id,
      p_stage: report.stage,
    }),
    p_once_per_report: isOncePerReport,
    p_prompt: job.prompt,
    p_generate: job.generate,
    p_model: job.model,
    p_temperature: job.temperature,
    p_max_tokens: job.max_tokens,
    p_summary_id: job.summary_id,
    p_metadata: job.metadata?.text,
    p_idempotency_key: job.idempotency_key,
  };
  return answerRequested(services, await services.rpc('request_report_job', parameters, requested));
}

/** Requests a new job with the request of a finished one. For its owner, the pipeline and operators. */
async function repeatJob(services: JobServices, request: Request, caller: Caller): Promise<Response> {
  const id = jobIdOf(request);
  if (id === null) return problem('invalid_query', { detail: 'job_id is malformed.' });
  const parameters = {
    ...newJob(services, caller, request),
    p_repeated_job_id: id,
    p_reportless: mayOmitReport(services.reportlessJobs, caller),
  };
  const result = await services.rpc('repeat_report_job', parameters, repeated);
  switch (result.outcome) {
    case 'job_not_found':
      return problem('job_not_found');
    case 'report_required':
      return problem('report_required', { detail: 'The job has no report.' });
    case 'job_not_repeatable':
      return problem('job_not_repeatable', { detail: NOT_REPEATABLE[result.reason] });
    case 'created':
    case 'existing':
    case 'unauthorized':
    case 'report_not_found':
    case 'final_exists':
    case 'quota_exceeded':
    case 'budget_exceeded':
    case 'rate_limited':
    case 'idempotency_conflict':
      return answerRequested(services, result);
  }
}

function newJob(services: JobServices, caller: Caller, request: Request) {
  return {
    // Generated here, so that a repeated call of the database is recognised.
    p_job_id: `job_${randomUUID().replaceAll('-', '')}`,
    p_caller: caller,
    p_models: services.models,
    p_lease_seconds: services.jobLeaseSeconds,
    p_quota: services.jobQuotaPerUser,
    p_user_budget: services.jobsPerUserPerDay,
    p_project_budget: services.jobsPerDay,
    p_trace_id: readTraceparent(request.headers)?.traceId,
  };
}

function answerRequested(services: JobServices, result: z.infer<typeof requested>): Response {
  switch (result.outcome) {
    case 'created':
    case 'existing': {
      if (result.run !== undefined) services.waitUntil(runJob(services, result.run));
      const { job_id, status } = result.job;
      const status_url = `/api/reportJobsDb?job_id=${encodeURIComponent(job_id)}`;
      return answer({ job_id, status, status_url } satisfies JobAccepted, {
        status: 202,
        headers: { location: status_url },
      });
    }
    case 'budget_exceeded':
      return problem(result.outcome, {
        detail: BUDGETS[result.budget],
        headers: { 'retry-after': String(result.retry_after_seconds) },
      });
    case 'rate_limited':
      return tooManyRequests(result);
    case 'unauthorized':
    case 'report_not_found':
    case 'final_exists':
    case 'quota_exceeded':
    case 'idempotency_conflict':
      return problem(result.outcome);
  }
}

/** `GET`: the current state of the job. */
export async function showJob(services: JobServices, request: Request): Promise<Response> {
  const access = await findCaller(services, request.headers);
  if (!access.ok) return problem(access.code);
  const { caller } = access;
  const id = jobIdOf(request);
  if (id === null) return problem('invalid_query', { detail: 'job_id is missing or malformed.' });
  const job = await readJob(services, id, caller);
  return job === null ? problem('job_not_found') : answer(job);
}

/** `DELETE`: cancels an unfinished job; returns a finished one unchanged. */
export async function cancelJob(services: JobServices, request: Request): Promise<Response> {
  const access = await findCaller(services, request.headers);
  if (!access.ok) return problem(access.code);
  const { caller } = access;
  const id = jobIdOf(request);
  if (id === null) return problem('invalid_query', { detail: 'job_id is missing or malformed.' });
  const parameters = { p_job_id: id, p_caller: caller };
  const job = await services.rpc('cancel_report_job', parameters, jobView.nullable());
  return job === null ? problem('job_not_found') : answer(job);
}

/** `PATCH`: accepts a result generated elsewhere. It is processed like any other: event, webhook, fallback. */
export async function submitResult(services: JobServices, request: Request): Promise<Response> {
  const access = await findCaller(services, request.headers);
  if (!access.ok) return problem(access.code);
  const { caller } = access;
  if (caller !== PIPELINE) return problem('forbidden', { detail: 'Only the pipeline submits results.' });
  const id = jobIdOf(request);
  if (id === null) return problem('invalid_query', { detail: 'job_id is missing or malformed.' });
  const body = await parseJsonBody(request, receivedJobResult);
  if (!body.ok) return body.answer;
  const { outcome, delivery } = await completeJob(services, id, null, outcomeOf(body.value));
  switch (outcome) {
    case 'completed':
    case 'repeated': {
      if (delivery !== null) services.waitUntil(notify(services, delivery));
      const job = await readJob(services, id, caller);
      return job === null ? problem('job_not_found') : answer(job);
    }
    case 'job_not_found':
    case 'report_not_found':
    case 'job_conflict':
    case 'job_cancelled':
      return problem(outcome);
    case 'busy':
    case 'lease_lost':
      return unavailable();
  }
}

async function notify(services: JobServices, delivery: Parameters<typeof notifyReportCompletion>[1]) {
  try {
    await notifyReportCompletion(services, delivery, services.maxRetries);
  } catch (error) {
    services.log('error', 'could not send a delivery; the sweep will retry it', {
      event: delivery.event_id,
      trace: delivery.trace_id,
      error,
    });
  }
}

function outcomeOf({ status, result, error, metadata }: ReceivedJobResult): JobOutcome {
  const research_metadata = metadata?.text;
  if (status === 'succeeded') {
    return { status: 'completed', research_report: result ?? '', research_metadata };
  }
  return { status: 'failed', error: error ?? 'The pipeline gave no reason.', research_metadata };
}

async function readJob({ rpc }: JobServices, id: string, caller: Caller): Promise<JobView | null> {
  return rpc('get_report_job', { p_job_id: id, p_caller: caller }, jobView.nullable());
}

function jobIdOf(request: Request): string | null {
  const parsed = jobId.safeParse(new URL(request.url).searchParams.get('job_id'));
  return parsed.success ? parsed.data : null;
}
