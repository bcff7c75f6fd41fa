import { z } from 'zod';

/**
 * One call about one report, as chaos saw it: a line of a history file. Times are milliseconds since the epoch, of one clock.
 * Texts are told apart by their SHA-256.
 */
const common = {
  /** Unique within the history. */
  n: z.int().min(0),
  report: z.string(),
  begin: z.number(),
  /** Null: no answer. The call may have happened at any time after its begin, or not at all. */
  end: z.number().nullable(),
};
const stage = z.enum(['prelim', 'final']);
const effect = z.enum(['applied', 'superseded']);
/** Null: not known, since it was erased and never seen. It fits every text. */
const text = z.string().nullable();
/** When the result was requested: the first thing, after the stage, that decides which of two results wins. */
const at = z.number();

const finalEvent = z.object({
  event: z.string(),
  /** Who made it: a job or sender, the report's owner, or the platform's own functions. */
  by: z.enum(['result', 'owner', 'platform']),
  at,
  effect,
});
export type FinalEvent = z.infer<typeof finalEvent>;

export const call = z.discriminatedUnion('call', [
  z.object({
    ...common,
    /** A job request. Repeated requests with one key have one job. `at`: when the database says that it was made. */
    call: z.literal('request'),
    job: z.string(),
    stage,
    at: at.nullable(),
    /** The job's id, or why there is none. */
    answer: z.string().nullable(),
  }),
  z.object({
    ...common,
    /**
     * A job's result, which makes its event: submitted by the pipeline, or stored by a runner, which nobody outside sees. Null
     * as the event: the job has none in the end.
     */
    call: z.literal('complete'),
    job: z.string(),
    event: z.string().nullable(),
    text,
    failed: z.boolean(),
    answer: z.enum(['accepted', 'job_conflict', 'report_not_found']).nullable(),
  }),
  z.object({
    ...common,
    /**
     * A signed event that reached an endpoint. `at`: when it was requested, unless its job is known. `own`: only the result of a
     * job makes this event, so that it exists before anybody can send it.
     */
    call: z.literal('webhook'),
    event: z.string(),
    job: z.string(),
    stage,
    at,
    text,
    failed: z.boolean(),
    own: z.boolean(),
    answer: z
      .enum([
        'applied',
        'duplicate',
        'superseded',
        'event_conflict',
        'job_conflict',
        'report_not_found',
        'job_not_found',
        'job_mismatch',
        'job_cancelled',
        'requested_in_future',
      ])
      .nullable(),
  }),
  /** The sender's direct update, which nobody outside sees. */
  z.object({ ...common, call: z.literal('direct update'), event: z.string(), answer: z.null() }),
  /** The report's owner, or the platform's own functions, write another text. `gone`: there was no such report. */
  z.object({
    ...common,
    call: z.literal('write'),
    by: z.enum(['owner', 'platform']),
    text: z.string(),
    answer: z.enum(['written', 'gone']).nullable(),
  }),
  z.object({ ...common, call: z.literal('delete'), answer: z.literal('gone').nullable() }),
  /** A sweep erases an event or a job of a deleted report, which nobody outside sees. */
  z.object({ ...common, call: z.literal('erase'), what: z.string(), answer: z.null() }),
  /** What the report's owner reads. */
  z.object({
    ...common,
    call: z.literal('read'),
    answer: z.union([z.literal('gone'), z.object({ text, status: z.string() })]).nullable(),
  }),
  /** Every effect that the report had, in order, as the database tells in the end. */
  z.object({ ...common, call: z.literal('list events'), answer: z.array(finalEvent).nullable() }),
]);
export type Call = z.infer<typeof call>;
export type CallOf<Name extends Call['call']> = Extract<Call, { call: Name }>;
