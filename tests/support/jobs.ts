import { setTimeout as sleep } from 'node:timers/promises';
import { jobView, type JobView } from '../../src/contracts/jobs.ts';
import type { TestSystem } from './system.ts';

export interface JobAnswer {
  status: number;
  headers: Headers;
  json: Record<string, unknown>;
}

/** A caller of the job endpoint. Default: the pipeline; with a bearer token, its owner (null: no token). */
export function jobClient(system: TestSystem, token: string | null = system.secrets.pipelineApiKey) {
  const authorization = token === null ? {} : { authorization: `Bearer ${token}` };

  async function call(
    method: string,
    query: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<JobAnswer> {
    const response = await fetch(system.url(`/api/reportJobsDb${query}`), {
      method,
      headers: {
        ...authorization,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    return {
      status: response.status,
      headers: response.headers,
      json: (await response.json()) as Record<string, unknown>,
    };
  }

  const byId = (jobId: string) => `?job_id=${encodeURIComponent(jobId)}`;
  return {
    call,
    post: (body: unknown, key?: string) =>
      call('POST', '', body, key === undefined ? {} : { 'idempotency-key': key }),
    get: (jobId: string) => call('GET', byId(jobId)),
    patch: (jobId: string, body: unknown) => call('PATCH', byId(jobId), body),
    cancel: (jobId: string) => call('DELETE', byId(jobId)),
    /** Requests a job that must be accepted; answers its id. */
    async request(reportId: string, change: Record<string, unknown> = {}): Promise<string> {
      const answer = await call('POST', '', {
        prompt: 'What does the team need?',
        report_type: 'org',
        report_id: reportId,
        ...change,
      });
      if (answer.status !== 202) throw new Error(`not accepted: ${JSON.stringify(answer.json)}`);
      return String(answer.json['job_id']);
    },
    /** Polls until the job is as wanted. */
    async until(jobId: string, wanted: (job: JobView) => boolean, timeoutMs = 15_000): Promise<JobView> {
      const deadline = Date.now() + timeoutMs;
      for (;;) {
        const { json } = await call('GET', byId(jobId));
        const job = jobView.parse(json);
        if (wanted(job)) return job;
        if (Date.now() > deadline) throw new Error(`the job stays as it is: ${JSON.stringify(job)}`);
        await sleep(25);
      }
    },
  };
}

export const confirmed = (job: JobView) => job.webhook.status === 'success';
