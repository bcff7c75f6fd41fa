import { APICallError } from 'ai';

export interface RetryPolicy {
  maxAttempts: number;
  /** The first pause is up to this long; each further one up to twice the one before. */
  backoffMs: number;
  maxBackoffMs: number;
  /** Whoever asks us to wait longer than this is not asked again. */
  maxRetryAfterMs: number;
}

/** How long to wait after the `attempt`th attempt failed; `null`: the provider wants more time than we have. */
export function retryDelayMs(
  error: unknown,
  attempt: number,
  policy: RetryPolicy,
  random: () => number,
): number | null {
  const ceiling = Math.min(policy.maxBackoffMs, policy.backoffMs * 2 ** (attempt - 1));
  // Full jitter: many jobs that failed together do not come again together.
  const backoffMs = random() * ceiling;
  const askedMs = retryAfterMs(error);
  if (askedMs > policy.maxRetryAfterMs) return null;
  return Math.max(backoffMs, askedMs);
}

/** Header `Retry-After` of the answer: seconds or a date (RFC 9110, section 10.2.3). */
function retryAfterMs(error: unknown): number {
  const header = APICallError.isInstance(error) ? error.responseHeaders?.['retry-after'] : undefined;
  if (header === undefined) return 0;
  const waitMs = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(waitMs) ? 0 : Math.max(0, waitMs);
}
