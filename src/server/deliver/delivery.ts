import { z } from 'zod';
import { CODINGS } from '../../contracts/compression.ts';
import { endpointId } from '../../contracts/endpoints.ts';
import type { Json } from '../../contracts/text.ts';
import { eventId } from '../../contracts/webhooks.ts';

/** Additional members of a delivery to a subscriber. */
const subscriber = z.object({
  url: z.string(),
  /** The secrets in use, encrypted by `sealSecret`, newest first. */
  sealed_secrets: z.array(z.string()),
  /** Position of the event in its report; null if it has no effect on one. */
  position: z.int().nullable(),
  /** The replay that made the delivery; 0: live. */
  plan: z.int(),
  /** Whether it is a redriven dead letter. */
  redriven: z.boolean(),
  format_version: z.int(),
  /** The requested coding, if the check has passed it; null: bodies are sent uncompressed. */
  compression: z.enum(CODINGS).nullable().default(null),
});
export type Subscriber = z.infer<typeof subscriber>;

/** A delivery that this process holds under a lease: its target, and the fencing token for recording its round. */
export const claimedDelivery = z.object({
  delivery_id: z.int(),
  delivery_token: z.int(),
  event_id: eventId,
  endpoint_id: endpointId,
  /** Proof of delivery: our own endpoint's answer for this job, or any 2xx of a subscriber. */
  expects: z.enum(['own_answer', 'any_2xx']),
  job_id: z.string().nullable(),
  /** The event's trace; null: the event is older than traces. */
  trace_id: z.string().nullable(),
  /** The body, composed by the database: the same bytes on every attempt and every path. */
  body: z.string(),
  /** Null: the target is one of our own endpoints (always, if the database is of an earlier version). */
  subscriber: subscriber.nullable().default(null),
});
export type ClaimedDelivery = z.infer<typeof claimedDelivery>;

/** One POST, as stored by `record_delivery_attempts()`. */
export interface Attempt {
  /** HTTP status; null: no answer. */
  status: number | null;
  duration_ms: number;
  /** Span id sent with the request, if the event has a trace. The endpoint's audit row contains it too. */
  span_id: string | null;
  error: string | null;
  /** Whether the endpoint itself answered, below 500. */
  authentic: boolean;
  /** The address and the headers, with secrets masked. */
  request: { url: string; headers: Record<string, string> };
  /** The beginning of the answer, and selected headers. */
  response: { [name: string]: Json } | null;
}

/**
 * Result of a round. `unknown`: the last attempt may have arrived. `failed`: retried by the durable schedule. `refused`:
 * permanent, so the delivery ends here.
 */
export interface Round {
  result: 'delivered' | 'unknown' | 'failed' | 'refused';
  attempts: Attempt[];
  retryAfterSeconds: number | null;
  /** The effect that our own endpoint reported; null for subscribers. */
  outcome: 'applied' | 'duplicate' | 'superseded' | null;
}
