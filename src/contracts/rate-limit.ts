import { z } from 'zod';

/** What has a rate of its own: `private.rate_limits.kind`. */
export const RATE_KINDS = ['sender', 'report', 'job', 'write'] as const;

/** What SQL says where a bucket has no token: `private.rate_refusal()`. */
export const rateRefusal = z.object({
  outcome: z.literal('rate_limited'),
  policy: z.enum(RATE_KINDS),
  /** Tokens of a full bucket. */
  quota: z.int().min(1),
  /** How long an empty bucket takes to be full. */
  window_seconds: z.int().min(1),
  /** When the bucket has its next token. */
  retry_after_seconds: z.int().min(1),
});
export type RateRefusal = z.infer<typeof rateRefusal>;
