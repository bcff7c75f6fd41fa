import { problemDetails, problemOf } from '../../contracts/problem.ts';
import { toStorable } from '../../contracts/text.ts';
import { webhookAnswer } from '../../contracts/webhooks.ts';
import { parseRetryAfter } from '../http/retry-after.ts';
import { whyLost } from './connection-words.ts';
import type { ClaimedDelivery } from './delivery.ts';
import { failure, success, type Meaning } from './meaning.ts';

// Only the members in use are parsed: a change elsewhere in an answer must not turn a success into a failure.
const delivered = webhookAnswer.pick({ outcome: true, job_id: true });
const refusal = problemDetails.pick({ code: true });

/**
 * What an attempt's answer means, in one table:
 *
 * | answer                                                  | meaning                                                  |
 * | ------------------------------------------------------- | -------------------------------------------------------- |
 * | 200 with our answer for this job; of others any 2xx     | `delivered`                                              |
 * | a final code of `PROBLEMS`, with the status of that row | `refused`: the same event can never be accepted          |
 * | 429 or 503 with Retry-After                             | `failed`: retry after that time, no quick retry          |
 * | 200 whose text could not be read                        | `unknown`: the event may have been accepted              |
 * | any other answer: 200 of another system, redirects,     | `failed`: probably a proxy or a misconfiguration; retry  |
 * | 401 and 404 of a proxy, 5xx                             | later                                                    |
 *
 * Of a subscriber nothing but a 2xx is authentic, and closes its circuit: any other answer may be that of a proxy in front of
 * a server that is down, and nothing tells them apart.
 *
 * @param body what was read of it
 * @param now milliseconds since the epoch
 * @param unread why the answer could not be read to its end; undefined where it could
 */
export function classifyAnswer(
  answer: Pick<Response, 'status' | 'ok' | 'headers'>,
  body: string,
  { expects, job_id }: Pick<ClaimedDelivery, 'expects' | 'job_id'>,
  now: number,
  unread?: unknown,
): Meaning {
  if (expects === 'any_2xx' && answer.ok) return success(null);
  const json = parse(body);
  if (answer.status === 200) {
    const ours = delivered.safeParse(json);
    if (ours.success && ours.data.job_id === job_id) return success(ours.data.outcome);
    if (unread !== undefined) {
      return { ...failure(`answered 200, but could not be read: ${whyLost(unread)}`), result: 'unknown' };
    }
    return failure('answered 200, but not with our answer for this job');
  }
  const code = refusal.safeParse(json).data?.code;
  const known = code === undefined ? undefined : problemOf(code);
  const isOurs = expects === 'own_answer' && known?.status === answer.status;
  const authentic = isOurs && answer.status < 500;
  if (code !== undefined && isOurs && known.final) {
    return { ...failure(code), result: 'refused', authentic };
  }
  const error = `answered ${answer.status}${detailOf(answer.status, code, unread)}`;
  if (answer.status !== 429 && answer.status !== 503) return { ...failure(error), authentic };
  const retryAfterSeconds = parseRetryAfter(answer.headers.get('retry-after'), now);
  return { ...failure(error), authentic, retryAfterSeconds };
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

function detailOf(status: number, code: string | undefined, unread: unknown): string {
  if (code !== undefined) return ` ${foreignText(code)}`;
  if (REDIRECTS.has(status)) return ': a redirect; signed results never follow redirects';
  return unread === undefined ? '' : `, but could not be read: ${whyLost(unread)}`;
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

const FOREIGN_CHARACTERS = 100;

/** Makes another system's text storable. Otherwise the attempt could not be recorded. */
function foreignText(text: string): string {
  return toStorable(text.slice(0, FOREIGN_CHARACTERS));
}
