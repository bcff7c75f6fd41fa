import { APICallError } from 'ai';
import { parseRetryAfter } from '../http/retry-after.ts';

export interface RetryPolicy {
  maxAttempts: number;
  /** The first pause is up to this long; each further one up to twice the one before. */
  backoffMs: number;
  maxBackoffMs: number;
  /** Whoever asks us to wait longer than this is not asked again. */
  maxRetryAfterMs: number;
}

/**
 * How long to wait after the `attempt`th attempt failed; `null`: the provider wants more time than we have.
 * @param now milliseconds since the epoch
 */
export function retryDelayMs(
  error: unknown,
  attempt: number,
  policy: RetryPolicy,
  { random, now }: { random: () => number; now: () => number },
): number | null {
  const ceiling = Math.min(policy.maxBackoffMs, policy.backoffMs * 2 ** (attempt - 1));
  // Full jitter: many jobs that failed together do not come again together.
  const backoffMs = random() * ceiling;
  const askedMs = retryAfterMs(error, now());
  if (askedMs > policy.maxRetryAfterMs) return null;
  return Math.max(backoffMs, askedMs);
}

/** What the answer's Retry-After asks for; 0 where it asks for nothing, or for what is neither seconds nor an HTTP date. */
function retryAfterMs(error: unknown, now: number): number {
  const header = APICallError.isInstance(error) ? error.responseHeaders?.['retry-after'] : undefined;
  return (parseRetryAfter(header ?? null, now) ?? 0) * 1000;
}
