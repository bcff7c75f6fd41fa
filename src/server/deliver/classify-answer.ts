import { PROBLEMS, problemDetails, type ProblemCode } from '../../contracts/problem.ts';
import { toStorable } from '../../contracts/text.ts';
import { webhookAnswer } from '../../contracts/webhooks.ts';
import type { Round } from './delivery.ts';

/**
 * What an attempt's answer means, in one table:
 *
 * | answer                                                      | meaning                                         |
 * | ----------------------------------------------------------- | ----------------------------------------------- |
 * | 200 with our answer for this job                            | `delivered`                                     |
 * | one of our problem codes below, with its own status         | `refused`: the same bytes can never be accepted |
 * | 429 or 503 with Retry-After                                 | `failed`, no quick retry: come when it says     |
 * | any other answer: 200 of a stranger, redirects, 401 and 404 | `failed`: some gateway between, or a wrong      |
 * | of a gateway, 5xx                                           | setting that somebody will mend                 |
 * | no answer, but the request may have arrived                 | `unknown`                                       |
 * | no answer, and it cannot have arrived                       | `failed`                                        |
 */
export interface Meaning {
  result: Round['result'];
  outcome: Round['outcome'];
  /** Seconds, an hour at most; only on 429 and 503. */
  retryAfterSeconds: number | null;
  error: string | null;
  /** The endpoint itself answered, below 500: it is well, whatever it said. Closes its circuit. */
  authentic: boolean;
}

/** Codes that stay true however often the same event is sent. */
const HOPELESS: ReadonlySet<string> = new Set<ProblemCode>([
  'invalid_json',
  'invalid_body',
  'unexpected_event_type',
  'event_conflict',
  'job_conflict',
  'job_mismatch',
  'job_cancelled',
  'report_not_found',
  'body_too_large',
]);

export function classifyAnswer(answer: Response, body: string, jobId: unknown, now: number): Meaning {
  const json = parse(body);
  if (answer.status === 200) {
    const ours = webhookAnswer.safeParse(json);
    if (ours.success && ours.data.job_id === jobId) {
      return {
        result: 'delivered',
        outcome: ours.data.outcome,
        retryAfterSeconds: null,
        error: null,
        authentic: true,
      };
    }
    return failure('answered 200, but not with our answer for this job');
  }
  const problem = problemDetails.safeParse(json);
  const isOurs = problem.success && statusOf(problem.data.code) === answer.status;
  const authentic = isOurs && answer.status < 500;
  if (isOurs && HOPELESS.has(problem.data.code)) {
    return { ...failure(problem.data.code), result: 'refused', authentic };
  }
  const code = problem.success ? ` ${foreignText(problem.data.code)}` : '';
  const error = `answered ${answer.status}${code}`;
  if (answer.status !== 429 && answer.status !== 503) return { ...failure(error), authentic };
  return {
    ...failure(error),
    authentic,
    retryAfterSeconds: retryAfter(answer.headers.get('retry-after'), now),
  };
}

/** Error codes of a connection that was never made: nothing can have arrived. */
const NEVER_CONNECTED: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

export function classifyError(error: unknown): Meaning & { timedOut: boolean } {
  const timedOut = error instanceof Error && error.name === 'TimeoutError';
  const cause = error instanceof Error ? error.cause : undefined;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : undefined;
  if (timedOut) return { ...failure('timed out'), result: 'unknown', timedOut };
  if (code !== undefined && NEVER_CONNECTED.has(code)) {
    return { ...failure(`not connected: ${code}`), timedOut };
  }
  return {
    ...failure(`connection lost${code === undefined ? '' : `: ${code}`}`),
    result: 'unknown',
    timedOut,
  };
}

function failure(error: string): Meaning {
  return { result: 'failed', outcome: null, retryAfterSeconds: null, error, authentic: false };
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function statusOf(code: string): number | undefined {
  return Object.entries(PROBLEMS).find(([name]) => name === code)?.[1].status;
}

const FOREIGN_CHARACTERS = 100;

/** What a stranger wrote, as an error may quote it: an attempt that the database refuses could never be recorded. */
function foreignText(text: string): string {
  return toStorable(text.slice(0, FOREIGN_CHARACTERS));
}

const MAX_RETRY_AFTER_SECONDS = 3600;

/** Retry-After as RFC 9110 has it: seconds, or a date, of which some lie further ahead than a SQL integer can tell. */
function retryAfter(header: string | null, now: number): number | null {
  if (header === null) return null;
  const seconds = /^\d+$/.test(header) ? Number(header) : Math.ceil((Date.parse(header) - now) / 1000);
  return Number.isNaN(seconds) ? null : Math.min(Math.max(0, seconds), MAX_RETRY_AFTER_SECONDS);
}
