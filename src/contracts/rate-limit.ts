import { z } from 'zod';

/** Kinds of rates: `private.rate_limits.kind`. */
export const RATE_KINDS = ['sender', 'report', 'job', 'write'] as const;

/** Refusal by SQL when a bucket is empty: `private.rate_refusal()`. */
export const rateRefusal = z.object({
  outcome: z.literal('rate_limited'),
  policy: z.enum(RATE_KINDS),
  /** Tokens in a full bucket. */
  quota: z.int().min(1),
  /** How long an empty bucket takes to fill up. */
  window_seconds: z.int().min(1),
  /** When the bucket has its next token. */
  retry_after_seconds: z.int().min(1),
});
export type RateRefusal = z.infer<typeof rateRefusal>;
