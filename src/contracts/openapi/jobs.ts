import { z } from 'zod';
import { idempotencyKey, jobAccepted, jobView, receivedJobResult, takeOverAnswer } from '../jobs.ts';
import { platformJobRequest } from '../platform-job-request.ts';
import { traceHeaders } from '../trace.ts';
import { jobId } from '../webhooks.ts';
import { OF_BODIES, OF_USERS, type Paths } from './operation.ts';

const ofJob = z.object({ job_id: jobId });

export const JOB_PATHS: Paths = {
  '/api/reportJobsDb': {
    post: {
      id: 'requestJob',
      tag: 'Jobs',
      summary: 'Request a job',
      description:
        'The result is generated after the answer. The same `Idempotency-Key` from the same caller with the same body answers the same job.\n\n' +
        'With `job_id` the new job has the request of that finished job, and the body is not read. Operators may do this too.\n\n' +
        'The body has at most 1 MiB and 99 levels. `max_tokens` above 16,384 is reduced to that.',
      callers: ['pipeline', 'user', 'operator'],
      query: ofJob.partial(),
      headers: traceHeaders.extend({ 'idempotency-key': idempotencyKey.optional() }),
      body: { schema: platformJobRequest, isOptional: true },
      answers: {
        202: {
          description: 'The job: a new one, or an earlier one of the same key.',
          schema: jobAccepted,
          headers: ['Location'],
        },
      },
      problems: [
        ...OF_BODIES,
        ...OF_USERS,
        'invalid_query',
        'invalid_idempotency_key',
        'report_mismatch',
        'report_required',
        'report_not_found',
        'job_not_found',
        'job_not_repeatable',
        'idempotency_conflict',
        'final_exists',
        'rate_limited',
        'quota_exceeded',
        'budget_exceeded',
      ],
      isForPages: true,
    },
    get: {
      id: 'showJob',
      tag: 'Jobs',
      summary: 'Show a job',
      description: 'A job that the caller may not see is answered like one that does not exist.',
      callers: ['pipeline', 'user'],
      query: ofJob,
      answers: { 200: { description: 'The job.', schema: jobView } },
      problems: [...OF_USERS, 'invalid_query', 'job_not_found'],
      isForPages: true,
    },
    patch: {
      id: 'submitResult',
      tag: 'Jobs',
      summary: 'Submit a result that was generated elsewhere',
      description:
        'The same result again is answered like the first. A result that has more than 900 KB with its metadata fails the job.',
      callers: ['pipeline'],
      query: ofJob,
      body: { schema: receivedJobResult },
      answers: { 200: { description: 'The job.', schema: jobView } },
      problems: [
        ...OF_BODIES,
        ...OF_USERS,
        'forbidden',
        'invalid_query',
        'job_not_found',
        'report_not_found',
        'job_conflict',
        'job_cancelled',
      ],
      isForPages: true,
    },
    delete: {
      id: 'cancelJob',
      tag: 'Jobs',
      summary: 'Cancel a job',
      description: 'A finished job stays unchanged.',
      callers: ['pipeline', 'user', 'operator'],
      query: ofJob,
      answers: { 200: { description: 'The job.', schema: jobView } },
      problems: [...OF_USERS, 'invalid_query', 'job_not_found'],
      isForPages: true,
    },
  },
  '/api/cron/take-over': {
    post: {
      id: 'takeOverJob',
      tag: 'Jobs',
      summary: 'Run one abandoned job',
      description: 'The sweep calls it for each job whose runner is silent.',
      callers: ['cron'],
      query: ofJob,
      answers: {
        200: {
          description: 'The job does not run here: `given_up`, `not_due` or `held`.',
          schema: takeOverAnswer,
        },
        202: { description: '`taken_over`: the job runs after the answer.', schema: takeOverAnswer },
      },
      problems: ['unauthorized', 'invalid_query'],
    },
  },
};
