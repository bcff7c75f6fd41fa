import { APICallError } from 'ai';
import { parseRetryAfter } from '../http/retry-after.ts';

export interface RetryPolicy {
  maxAttempts: number;
  /** Upper limit of the first pause; each further limit is twice the previous one. */
  backoffMs: number;
  maxBackoffMs: number;
  /** If the provider asks for a longer pause, we do not retry. */
  maxRetryAfterMs: number;
}

/**
 * The pause after the `attempt`th failed attempt; `null`: the provider asks for more time than we have.
 * @param now milliseconds since the epoch
 */
export function retryDelayMs(
  error: unknown,
  attempt: number,
  policy: RetryPolicy,
  { random, now }: { random: () => number; now: () => number },
): number | null {
  const ceiling = Math.min(policy.maxBackoffMs, policy.backoffMs * 2 ** (attempt - 1));
  // Full jitter, so that many jobs that failed together do not retry together.
  const backoffMs = random() * ceiling;
  const askedMs = retryAfterMs(error, now());
  if (askedMs > policy.maxRetryAfterMs) return null;
  return Math.max(backoffMs, askedMs);
}

/** The answer's Retry-After in milliseconds; 0 if it is missing, or neither seconds nor an HTTP date. */
function retryAfterMs(error: unknown, now: number): number {
  const header = APICallError.isInstance(error) ? error.responseHeaders?.['retry-after'] : undefined;
  return (parseRetryAfter(header ?? null, now) ?? 0) * 1000;
}
