import { z } from 'zod';
import { takeOverAnswer } from '../../contracts/jobs.ts';
import type { MonotonicClock } from '../clock.ts';
import { callOwnFunction, type OwnCaller } from '../deliver/call-own-function.ts';
import type { Log } from '../observe/log.ts';
import type { Store } from '../store/store.ts';

/**
 * Jobs that one sweep hands over, each to an invocation of its own: 5,000 jobs are taken over within five minutes. More would
 * have no effect, since the REST layer returns at most 1,000 rows.
 */
const JOBS_PER_SWEEP = 1000;
/** Invocations requested concurrently. */
const CONCURRENCY = 20;
const BUDGET_MS = 45_000;
const TAKE_OVER_TIMEOUT_MS = 10_000;
/** Failures in the sweep's answer; the log has all of them. */
const NAMED_FAILURES = 20;

export interface TakeOverCaller extends Store, OwnCaller, MonotonicClock {
  log: Log;
}

/**
 * Requests the take-over of jobs with an expired lease, longest due first. Returns the results and the failures.
 * @throws {DatabaseUnavailable} if the due jobs cannot be read
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
    // If the function started slowly, it may have taken the job over after our time-out.
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

/** Ids as text only: a job with an odd id is rejected separately, and does not delay the others. */
function dueJobs({ rpc }: TakeOverCaller): Promise<string[]> {
  return rpc('due_report_jobs', { p_limit: JOBS_PER_SWEEP }, z.array(z.string()));
}

async function askForTakeOver(caller: TakeOverCaller, job: string) {
  const answered = await callOwnFunction(caller, {
    path: `/cron/take-over?job_id=${encodeURIComponent(job)}`,
    method: 'POST',
    timeoutMs: TAKE_OVER_TIMEOUT_MS,
    of: 'each address',
    what: 'the take-over',
    answer: takeOverAnswer,
  });
  return answered.outcome;
}
