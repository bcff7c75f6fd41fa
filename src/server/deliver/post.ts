import { toStorable } from '../../contracts/text.ts';
import { stopwatch, type Clock } from '../clock.ts';
import { CallTrace } from '../http/call-trace.ts';
import { readStart, type Answered } from '../http/read-start.ts';
import { newSpanId, writeTraceparent } from '../http/traceparent.ts';
import { classifyError } from './classify-error.ts';
import { isTimeout } from './connection-words.ts';
import type { Attempt } from './delivery.ts';
import type { Meaning } from './meaning.ts';
import { answerHeaders, sentHeaders, sentUrl } from './shown-headers.ts';

/** Limit for reading an answer: ours has a few hundred bytes, and another system's must not fill the memory. */
const ANSWER_BYTES = 16 * 1024;
const EXCERPT_CHARACTERS = 1000;

interface Post {
  url: string;
  headers: Readonly<Record<string, string>>;
  /** The trace that the attempt belongs to. */
  traceId: string | null;
  timeoutMs: number;
  send: (headers: Record<string, string>, signal: AbortSignal) => Promise<Answered>;
  /**
   * Interprets an answer.
   * @param text the part that was read
   * @param unread why the answer could not be read to its end; undefined if it could
   */
  classify: (answer: Answered, text: string, unread: unknown) => Meaning;
}

export interface Posted {
  attempt: Attempt;
  meaning: Meaning;
  timedOut: boolean;
}

/** Makes one attempt and reads the beginning of the answer. Returns the attempt in the form to be recorded. Never throws. */
export async function post(clock: Clock, { url, traceId, timeoutMs, send, ...rest }: Post): Promise<Posted> {
  const elapsed = stopwatch(clock.monotonicNow);
  const span_id = traceId === null ? null : newSpanId();
  const headers = {
    ...rest.headers,
    ...(traceId !== null && span_id !== null && writeTraceparent({ traceId, spanId: span_id })),
  };
  const request = { url: sentUrl(url), headers: sentHeaders(headers) };
  const trace = new CallTrace();
  let answer: Answered;
  try {
    answer = await trace.follow(() => send(headers, AbortSignal.timeout(Math.max(1, Math.ceil(timeoutMs)))));
  } catch (error) {
    const { timedOut, status, ...meaning } = classifyError(error, trace);
    const attempt = {
      status,
      duration_ms: elapsed(),
      span_id,
      error: meaning.error,
      authentic: false,
      request,
      response: null,
    };
    return { attempt, meaning, timedOut };
  }
  const { text, error: unread } = await readStart(answer, ANSWER_BYTES);
  const meaning = rest.classify(answer, text, unread);
  const response = {
    body: toStorable(text.slice(0, EXCERPT_CHARACTERS)),
    headers: answerHeaders(answer.headers),
  };
  const { error, authentic } = meaning;
  const attempt = {
    status: answer.status,
    duration_ms: elapsed(),
    span_id,
    error,
    authentic,
    request,
    response,
  };
  return { attempt, meaning, timedOut: isTimeout(unread) };
}
