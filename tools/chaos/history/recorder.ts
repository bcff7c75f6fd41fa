import { orLost } from '../connection-errors.ts';
import type { CallOf } from './call.ts';

/** Milliseconds since the epoch, by a clock that never goes back. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

/** A request is known by its key until the job's id is. */
type RequestSeen = Omit<CallOf<'request'>, 'n' | 'job' | 'at'> & { key: string };
type CompletionSeen = Omit<CallOf<'complete'>, 'n' | 'event'>;
export type WriteSeen = Omit<CallOf<'write'>, 'n'>;
type DeletionSeen = Omit<CallOf<'delete'>, 'n'>;
type ReadSeen = Omit<CallOf<'read'>, 'n'>;

/** What a run's own callers did and heard, written down as it happens. What reached the webhook endpoints, the proxy has. */
export interface Recorder {
  requests: RequestSeen[];
  completions: CompletionSeen[];
  writes: WriteSeen[];
  deletions: DeletionSeen[];
  reads: ReadSeen[];
}

export function createRecorder(): Recorder {
  return { requests: [], completions: [], writes: [], deletions: [], reads: [] };
}

export type Timed<T> =
  | { begin: number; end: number; answer: T; error?: undefined }
  | { begin: number; end: null; answer: null; error: unknown };

/**
 * Makes a call and says when. A call that throws, or is never answered, has no end: its connection broke, and what was sent
 * may still happen, or its answer was lost.
 */
export async function timed<T>(work: () => Promise<T>): Promise<Timed<T>> {
  const begin = now();
  try {
    const answer = await orLost(work());
    return { begin, end: now(), answer };
  } catch (error) {
    return { begin, end: null, answer: null, error };
  }
}

/** Of a call that may have happened at any time since, or not. */
export const LOST = { end: null, answer: null } as const;

/** Of the problem that one of our functions answered, if it is one of these; null: the answer does not say what happened. */
export function problemCode<Code extends string>(
  text: string | undefined,
  codes: readonly Code[],
): Code | null {
  return codes.find((code) => text?.includes(`"code":"${code}"`)) ?? null;
}
