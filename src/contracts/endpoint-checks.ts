import { z } from 'zod';
import { timestamp } from './timestamp.ts';

/**
 * The probes of a subscriber's check, in order. If the first one gets no answer, the others are not sent; `compressed` only
 * if the settings ask for compression.
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
  /** What was observed. */
  detail: z.string(),
  /** What to do about it; null: nothing. */
  advice: z.string().nullable(),
});
export type Probe = z.infer<typeof probe>;

/** The body of a check, signed like an event. The answer must repeat the nonce: `{"nonce": "…"}`. */
export const checkPing = z.object({
  type: z.literal('polaris.ping'),
  timestamp,
  data: z.object({ nonce: z.string(), endpoint_id: z.string(), note: z.string() }),
});
export type CheckPing = z.infer<typeof checkPing>;

/** The part of the answer to a check that is read. */
export const checkAnswer = z.object({ nonce: z.string() });
