import { z } from 'zod';
import { reportType, webhookType } from './webhooks.ts';

/** Body of `POST /api/webhooks/retry`. */
export const retryRequest = z.strictObject({
  report_type: reportType,
  report_id: z.uuid(),
  webhook_type: webhookType.optional(),
});
export type RetryRequest = z.infer<typeof retryRequest>;

/** Answer 200 of `POST /api/webhooks/retry`; `already_succeeded`: nothing was sent. */
export const retryAnswer = z.object({
  success: z.literal(true),
  outcome: z.enum(['applied', 'duplicate', 'superseded', 'already_succeeded']),
});
export type RetryAnswer = z.infer<typeof retryAnswer>;

/** Answer of a sweep of deliveries: `GET /api/webhooks/retry`. */
export const sweepAnswer = z.object({
  processed: z.int(),
  successes: z.int(),
  failures: z.int(),
  /** How many of the failures are dead letters now. */
  dead: z.int(),
  errors: z.array(z.string()),
});
export type SweepAnswer = z.infer<typeof sweepAnswer>;

/** Answer of the cron's `GET /api/cron/sweep`. */
export const cronAnswer = sweepAnswer.extend({
  /** Jobs whose lease had run out and whose take-over was started. */
  taken_over: z.int(),
});
export type CronAnswer = z.infer<typeof cronAnswer>;
