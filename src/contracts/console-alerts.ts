import { z } from 'zod';
import { ALERT_STATES, ALERT_TRANSITIONS, alertFacts } from './alerts.ts';
import { ALERT_SEVERITIES } from './constants.ts';
import { isoTime, pageOf, pageRequest, rowTime } from './paging.ts';

/** The delivery of an alert's event. Until it is delivered or given up, `next_attempt` is the time of the next attempt. */
const alertDelivery = z.object({
  transition: z.enum(ALERT_TRANSITIONS),
  created_at: rowTime,
  attempts: z.int(),
  delivered_at: rowTime.nullable(),
  /** No attempt succeeded within a day. */
  dead_at: rowTime.nullable(),
  next_attempt: rowTime.nullable(),
  /** Why the last attempt failed: each host, with its answer. */
  error: z.string().nullable(),
  /** The host that confirmed it; null if unknown. */
  host: z.string().nullable(),
});
export type AlertDelivery = z.infer<typeof alertDelivery>;

const alertRow = z.object({
  id: z.guid(),
  rule: z.string(),
  subject: z.string(),
  state: z.enum(ALERT_STATES),
  severity: z.enum(ALERT_SEVERITIES),
  pending_since: rowTime,
  fired_at: rowTime.nullable(),
  /** Since when the readings of a firing alert have been good again. */
  good_since: rowTime.nullable(),
  resolved_at: rowTime.nullable(),
  last_value: z.number(),
  threshold: z.number(),
  affected: z.int(),
  facts: alertFacts,
  silenced_until: rowTime.nullable(),
  deliveries: z.array(alertDelivery),
});
export type AlertRow = z.infer<typeof alertRow>;

const silence = z.object({
  id: z.guid(),
  /** `*` stands for any text; null: every rule, every subject. */
  rule: z.string().nullable(),
  subject: z.string().nullable(),
  until: rowTime,
  author: z.guid(),
  reason: z.string(),
  created_at: rowTime,
});
export type Silence = z.infer<typeof silence>;

export const alertQuery = z.strictObject({
  /** Only the alert with this id. */
  id: z.guid().optional(),
  ...pageRequest,
});
export type AlertQuery = z.input<typeof alertQuery>;

/** `rows`: resolved alerts, newest first. `open`: firing alerts, then pending ones; null on later pages. */
export const alertPage = pageOf(alertRow).extend({
  open: z.array(alertRow).nullable(),
  /** Silences in effect now. */
  silences: z.array(silence),
});
export type AlertPage = z.infer<typeof alertPage>;

export const SILENCE_REASON_CHARACTERS = 1000;

export const silenceRequest = z.strictObject({
  reason: z.string().trim().min(1).max(SILENCE_REASON_CHARACTERS),
  /** Within the next 30 days. */
  until: isoTime,
  rule: z.string().min(1).max(100).optional(),
  subject: z.string().min(1).max(200).optional(),
});
export type SilenceRequest = z.input<typeof silenceRequest>;
