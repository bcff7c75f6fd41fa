import { z } from 'zod';
import type { Json } from '../../contracts/text.ts';
import { eventId, eventType, webhookType } from '../../contracts/webhooks.ts';

/** A delivery that this process holds under a lease: its event, and the fencing token that every record of it shows. */
export const claimedDelivery = z.object({
  delivery_id: z.int(),
  delivery_token: z.int(),
  event_id: eventId,
  webhook_type: webhookType,
  type: eventType,
  /** `data` of the envelope, as committed: JSON of any depth, over which a schema of JSON would recurse. */
  data: z.record(z.string(), z.unknown()),
});
export type ClaimedDelivery = z.infer<typeof claimedDelivery>;

/** One POST, as `record_delivery_attempts()` stores it. */
export interface Attempt {
  /** HTTP status; null when no answer came. */
  status: number | null;
  duration_ms: number;
  error: string | null;
  /** The endpoint itself answered, below 500. */
  authentic: boolean;
  /** What was answered, cut off. */
  response: Json;
}

/**
 * What a round of attempts came to. `unknown`: the last one may have arrived. `failed`: the durable schedule follows.
 * `refused`: hopeless, it ends here.
 */
export interface Round {
  result: 'delivered' | 'unknown' | 'failed' | 'refused';
  attempts: Attempt[];
  retryAfterSeconds: number | null;
  /** What the endpoint did with the event, where it was delivered. */
  outcome: 'applied' | 'duplicate' | 'superseded' | null;
}
