import { z } from 'zod';
import { CODINGS } from '../../contracts/compression.ts';
import { endpointId } from '../../contracts/endpoints.ts';
import type { Json } from '../../contracts/text.ts';
import { eventId } from '../../contracts/webhooks.ts';

/** The additional fields of a delivery to a subscriber. */
const subscriber = z.object({
  url: z.string(),
  /** Its secrets in use, as `sealSecret` made them: the newest first. */
  sealed_secrets: z.array(z.string()),
  /** Of the event in its report; null: it has no effect on one. */
  position: z.int().nullable(),
  /** The replay that it belongs to; 0: it is live. */
  plan: z.int(),
  /** Whether it was put back on schedule after it had been a dead letter. */
  redriven: z.boolean(),
  format_version: z.int(),
  /** The requested coding, once a check has passed it; null: bodies are sent uncompressed. */
  compression: z.enum(CODINGS).nullable().default(null),
});
export type Subscriber = z.infer<typeof subscriber>;

/** A delivery that this process holds under a lease: where it goes, and the fencing token that every record of it shows. */
export const claimedDelivery = z.object({
  delivery_id: z.int(),
  delivery_token: z.int(),
  event_id: eventId,
  endpoint_id: endpointId,
  /** The proof of delivery: the answer of our own webhook functions for this job, or any 2xx. */
  expects: z.enum(['own_answer', 'any_2xx']),
  job_id: z.string().nullable(),
  /** Of its event; null: the event is from before there were traces. */
  trace_id: z.string().nullable(),
  /** The bytes to send, as the database composed them: the same on every attempt and every path. */
  body: z.string(),
  /** Null: it goes to one of our own endpoints, as all do that a database of an earlier version hands out. */
  subscriber: subscriber.nullable().default(null),
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
  /** The beginning of the answer, and chosen headers. */
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
  /** The effect at our own endpoint, if the delivery went to one. */
  outcome: 'applied' | 'duplicate' | 'superseded' | null;
}
