import type { RateRefusal } from '../../contracts/rate-limit.ts';
import { problem } from './problem.ts';

const WHOSE: Record<RateRefusal['policy'], string> = {
  sender: 'requests signed with one key',
  report: 'events for one report',
  job: 'new jobs of one user',
  write: 'changes of reports by one user',
};

/**
 * The answer 429 of a rate limit, with Retry-After and the two fields of draft-ietf-httpapi-ratelimit-headers (revision 10).
 * A bucket that refills continuously has no windows: `w` is the time from empty to full, `t` that until the next token.
 */
export function tooManyRequests(refusal: RateRefusal): Response {
  const { policy, quota, window_seconds, retry_after_seconds } = refusal;
  return problem('rate_limited', {
    detail: `At most ${quota} ${WHOSE[policy]} within ${window_seconds} seconds.`,
    headers: {
      'retry-after': String(retry_after_seconds),
      'ratelimit-policy': `"${policy}";q=${quota};w=${window_seconds}`,
      ratelimit: `"${policy}";r=0;t=${retry_after_seconds}`,
    },
  });
}
