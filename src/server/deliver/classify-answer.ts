import { problemDetails, problemOf } from '../../contracts/problem.ts';
import { toStorable } from '../../contracts/text.ts';
import { webhookAnswer } from '../../contracts/webhooks.ts';
import type { ClaimedDelivery, Round } from './delivery.ts';
import { parseRetryAfter } from '../http/retry-after.ts';

/**
 * What an attempt's answer means, in one table:
 *
 * | answer                                                  | meaning                                                  |
 * | ------------------------------------------------------- | -------------------------------------------------------- |
 * | 200 with our answer for this job; of others any 2xx     | `delivered`                                              |
 * | a final code of `PROBLEMS`, with the status of that row | `refused`: the same event can never be accepted          |
 * | 429 or 503 with Retry-After                             | `failed`: retry after that time, no quick retry          |
 * | any other answer: 200 of another system, redirects,     | `failed`: probably a proxy or a misconfiguration; retry  |
 * | 401 and 404 of a proxy, 5xx                             | later                                                    |
 * | no answer, but the request may have arrived             | `unknown`                                                |
 * | no answer, and the request cannot have arrived          | `failed`                                                 |
 */
export interface Meaning {
  result: Round['result'];
  outcome: Round['outcome'];
  /** Seconds, without an upper limit of ours; only on 429 and 503. */
  retryAfterSeconds: number | null;
  error: string | null;
  /** The endpoint itself answered, below 500. Closes its circuit. */
  authentic: boolean;
}

// Only what is used is parsed: a change elsewhere in an answer must not turn a success into a failure.
const delivered = webhookAnswer.pick({ outcome: true, job_id: true });
const refusal = problemDetails.pick({ code: true });

export function classifyAnswer(
  answer: Response,
  body: string,
  { expects, job_id }: Pick<ClaimedDelivery, 'expects' | 'job_id'>,
  now: number,
): Meaning {
  if (expects === 'any_2xx' && answer.ok) return success(null);
  const json = parse(body);
  if (answer.status === 200) {
    const ours = delivered.safeParse(json);
    if (ours.success && ours.data.job_id === job_id) return success(ours.data.outcome);
    return failure('answered 200, but not with our answer for this job');
  }
  const code = refusal.safeParse(json).data?.code;
  const known = code === undefined ? undefined : problemOf(code);
  const isOurs = expects === 'own_answer' && known?.status === answer.status;
  const authentic = isOurs && answer.status < 500;
  if (code !== undefined && isOurs && known.final) {
    return { ...failure(code), result: 'refused', authentic };
  }
  const error = `answered ${answer.status}${code === undefined ? '' : ` ${foreignText(code)}`}`;
  if (answer.status !== 429 && answer.status !== 503) return { ...failure(error), authentic };
  const retryAfterSeconds = parseRetryAfter(answer.headers.get('retry-after'), now);
  return { ...failure(error), authentic, retryAfterSeconds };
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

function success(outcome: Round['outcome']): Meaning {
  return { result: 'delivered', outcome, retryAfterSeconds: null, error: null, authentic: true };
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

const FOREIGN_CHARACTERS = 100;

/** Text of another system, made storable: the attempt could not be recorded with it otherwise. */
function foreignText(text: string): string {
  return toStorable(text.slice(0, FOREIGN_CHARACTERS));
}
