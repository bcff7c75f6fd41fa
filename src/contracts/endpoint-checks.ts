import { z } from 'zod';
import { timestamp } from './timestamp.ts';

/**
 * What the check of a subscriber tries, in its order. Without an answer to the first one the others are not tried; `compressed` only
 * where its settings ask for compression.
 */
export const PROBES = [
  'ping',
  'forged',
  'old',
  'changed',
  'repeated',
  'large',
  'compressed',
  'redirects',
  'time',
] as const;

export const probe = z.object({
  name: z.enum(PROBES),
  ok: z.boolean(),
  /** What was seen. */
  detail: z.string(),
  /** What to do about it; null: nothing. */
  advice: z.string().nullable(),
});
export type Probe = z.infer<typeof probe>;

/** The body of a check: it is signed like an event, and the answer to it repeats the nonce, as `{"nonce": "…"}`. */
export const checkPing = z.object({
  type: z.literal('polaris.ping'),
  timestamp,
  data: z.object({ nonce: z.string(), endpoint_id: z.string(), note: z.string() }),
});
export type CheckPing = z.infer<typeof checkPing>;

/** Of an answer to a check only this is read. */
export const checkAnswer = z.object({ nonce: z.string() });
