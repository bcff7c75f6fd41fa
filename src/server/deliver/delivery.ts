import { z } from 'zod';
import { endpointId } from '../../contracts/endpoints.ts';
import type { Json } from '../../contracts/text.ts';
import { eventId } from '../../contracts/webhooks.ts';

/** A delivery that this process holds under a lease: where it goes, and the fencing token that every record of it shows. */
export const claimedDelivery = z.object({
  delivery_id: z.int(),
  delivery_token: z.int(),
  event_id: eventId,
  endpoint_id: endpointId,
  /** What proves it delivered: the answer of our own webhook functions for this job, or any 2xx. */
  expects: z.enum(['own_answer', 'any_2xx']),
  job_id: z.string().nullable(),
  /** Of its event; null: the event is from before there were traces. */
  trace_id: z.string().nullable(),
  /** The bytes to send, as the database composed them: the same on every attempt and every path. */
  body: z.string(),
});
export type ClaimedDelivery = z.infer<typeof claimedDelivery>;

/** One POST, as `record_delivery_attempts()` stores it. */
export interface Attempt {
  /** HTTP status; null when no answer came. */
  status: number | null;
  duration_ms: number;
  /** Sent with it, where its event has a trace: the endpoint's audit row names it too. */
  span_id: string | null;
  error: string | null;
  /** The endpoint itself answered, below 500. */
  authentic: boolean;
  /** Where it was sent, and with which headers: their secrets are masked. */
  request: { url: string; headers: Record<string, string> };
  /** What was answered, cut off, and chosen headers of it. */
  response: { [name: string]: Json } | null;
}

/**
 * What a round of attempts came to. `unknown`: the last one may have arrived. `failed`: the durable schedule follows.
 * `refused`: hopeless, it ends here.
 */
export interface Round {
  result: 'delivered' | 'unknown' | 'failed' | 'refused';
  attempts: Attempt[];
  retryAfterSeconds: number | null;
  /** What our own endpoint did with the event, where it was delivered to one. */
  outcome: 'applied' | 'duplicate' | 'superseded' | null;
}
