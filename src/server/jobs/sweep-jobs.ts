import { z } from 'zod';
import { takeOverAnswer } from '../../contracts/jobs.ts';
import type { MonotonicClock } from '../clock.ts';
import { callOwnFunction, type OwnCaller } from '../deliver/call-own-function.ts';
import type { Log } from '../observe/log.ts';
import type { Store } from '../store/store.ts';

/**
 * Jobs that one sweep hands over, each to an invocation of its own: 5,000 are in good hands after five minutes. More would be
 * without effect: the REST layer answers at most 1,000 rows.
 */
const JOBS_PER_SWEEP = 1000;
/** Invocations that are asked for at once. */
const CONCURRENCY = 20;
const BUDGET_MS = 45_000;
const TAKE_OVER_TIMEOUT_MS = 10_000;
/** In the sweep's answer; the log has every one. */
const NAMED_FAILURES = 20;

export interface TakeOverCaller extends Store, OwnCaller, MonotonicClock {
  log: Log;
}

/**
 * Asks for the take-over of jobs whose lease has run out, longest due first. Returns what came of it, and what went wrong.
 * @throws {DatabaseUnavailable} when it cannot say which jobs are due
 */
export async function sweepJobs(
  caller: TakeOverCaller,
): Promise<{ taken_over: number; given_up: number; errors: string[] }> {
  const deadline = caller.monotonicNow() + BUDGET_MS;
  const waiting = (await dueJobs(caller)).values();
  const counts = { taken_over: 0, given_up: 0, not_due: 0, held: 0 };
  const failures: string[] = [];
  const unanswered: string[] = [];

  async function work(): Promise<void> {
    for (const job of waiting) {
      if (caller.monotonicNow() >= deadline) return;
      try {
        counts[await askForTakeOver(caller, job)] += 1;
      } catch (error) {
        if (error instanceof DOMException && error.name === 'TimeoutError') unanswered.push(job);
        else fail(job, error);
      }
    }
  }

  function fail(job: string, error: unknown): void {
    caller.log('error', 'a job was not taken over', { job, error });
    failures.push(`${job}: ${error instanceof Error ? error.message : 'unknown error'}`);
  }

  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  if (unanswered.length > 0) {
    // A function that starts slowly may have taken the job after we stopped waiting.
    const stillDue = new Set(await dueJobs(caller));
    for (const job of unanswered) {
      if (stillDue.has(job))
        fail(job, new Error(`the take-over was not answered in ${TAKE_OVER_TIMEOUT_MS / 1000} s`));
      else counts.taken_over += 1;
    }
  }
  const errors = failures.slice(0, NAMED_FAILURES);
  if (failures.length > NAMED_FAILURES) {
    errors.push(`${failures.length - NAMED_FAILURES} more jobs were not taken over: the log names them`);
  }
  if (counts.held > 0) {
    errors.push(
      `${counts.held} jobs were left out: another transaction holds their reports. The next sweep tries again`,
    );
  }
  return { taken_over: counts.taken_over, given_up: counts.given_up, errors };
}

/** As text alone: one with an odd id is refused by itself, and keeps no other waiting. */
function dueJobs({ rpc }: TakeOverCaller): Promise<string[]> {
  return rpc('due_report_jobs', { p_limit: JOBS_PER_SWEEP }, z.array(z.string()));
}

async function askForTakeOver(caller: TakeOverCaller, job: string) {
  const answered = await callOwnFunction(caller, {
    path: `/cron/take-over?job_id=${encodeURIComponent(job)}`,
    method: 'POST',
    timeoutMs: TAKE_OVER_TIMEOUT_MS,
    what: 'the take-over',
    answer: takeOverAnswer,
  });
  return answered.outcome;
}
