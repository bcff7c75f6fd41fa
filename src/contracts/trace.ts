import { z } from 'zod';
import { timestamp } from './timestamp.ts';

/** A malformed traceparent is ignored. */
export const traceHeaders = z.object({
  traceparent: z
    .string()
    .optional()
    .meta({ description: 'W3C Trace Context. A malformed header is ignored.' }),
});

/** A step of a trace. A job contains its event, an event its attempts, and an attempt the received request. */
const traceSpan = z.object({
  id: z.string(),
  /** Null: the root of the trace. */
  parent: z.string().nullable(),
  kind: z.enum(['job', 'event', 'attempt', 'skipped', 'request']),
  started_at: timestamp,
  /** Null: not finished. */
  ended_at: timestamp.nullable(),
  /** Details; the members depend on the kind. */
  facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
});
export type TraceSpan = z.infer<typeof traceSpan>;

/** Answer of the SQL function `trace()`: the newest trace first. */
export const tracesFound = z.object({
  traces: z.array(z.object({ trace_id: z.string(), started_at: timestamp, spans: z.array(traceSpan) })),
  /** There are more spans than are shown. */
  truncated: z.boolean(),
});
export type TracesFound = z.infer<typeof tracesFound>;
