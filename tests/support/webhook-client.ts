import { randomUUID } from 'node:crypto';
import { problemDetails } from '../../src/contracts/problem.ts';
import { webhookAnswer, type ReportType, type Stage } from '../../src/contracts/webhooks.ts';
import type { TestSystem } from './system.ts';
import { parseWebhookSecret } from '../../src/server/deliver/secrets.ts';
import { sign } from '../../src/server/deliver/sign.ts';

export interface EventOptions {
  reportId: string;
  type?: ReportType;
  stage?: Stage;
  text?: string;
  jobId?: string;
  requestedAt?: string;
  /** Members of `data` beside these, or instead of them. */
  data?: Record<string, unknown>;
}

/** An envelope of a completed event. */
export function envelope(options: EventOptions) {
  const {
    reportId,
    type = 'org',
    stage = 'prelim',
    text = '# Report',
    jobId = `job-${randomUUID()}`,
  } = options;
  return {
    type: `report.${stage}.completed`,
    timestamp: new Date().toISOString(),
    data: {
      job_id: jobId,
      report_id: reportId,
      report_type: type,
      research_report: text,
      research_status: 'completed',
      ...(options.requestedAt !== undefined && { requested_at: options.requestedAt }),
      ...options.data,
    },
  };
}

export interface Answered {
  status: number;
  headers: Headers;
  text: string;
  /** Our code of a refusal; the outcome of an answer 200. */
  says: string | undefined;
}

/** A sender: signs what it posts as our own would. */
export function webhookClient({ url }: Pick<TestSystem, 'url'>, secret: string) {
  const keys = parseWebhookSecret(secret);

  async function post(
    content: unknown,
    options: {
      id?: string;
      stage?: Stage;
      /** Milliseconds since the epoch. */
      at?: number;
      headers?: Record<string, string>;
      /** Changes the bytes after they were signed. */
      tamper?: (bytes: Buffer) => Buffer;
    } = {},
  ): Promise<Answered> {
    const { id = randomUUID(), stage = 'prelim', at = Date.now(), tamper } = options;
    const bytes = Buffer.from(typeof content === 'string' ? content : JSON.stringify(content));
    const headers = { 'content-type': 'application/json', ...sign(keys, id, at, bytes), ...options.headers };
    return send(stage, { headers, body: tamper?.(bytes) ?? bytes });
  }

  async function send(
    stage: Stage,
    { method = 'POST', headers, body }: { method?: string; headers?: Record<string, string>; body?: Buffer },
  ): Promise<Answered> {
    const response = await fetch(url(`/api/webhooks/${stage}-report`), {
      method,
      ...(headers && { headers }),
      ...(body && { body: new Uint8Array(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, says: saying(response, text) };
  }

  return { post, send };
}

function saying(response: Response, text: string): string | undefined {
  if (text === '') return undefined;
  const json: unknown = JSON.parse(text);
  if (response.status === 200) return webhookAnswer.parse(json).outcome;
  if (response.headers.get('content-type') !== 'application/problem+json') return undefined;
  return problemDetails.parse(json).code;
}
