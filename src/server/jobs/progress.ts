import { z } from 'zod';
import type { MonotonicClock } from '../clock.ts';
import type { Store } from '../store/store.ts';
import type { Log } from '../observe/log.ts';
import type { JobRun } from './job-run.ts';

interface Progress {
  /** 0 to 100 */
  percent: number;
  etaSeconds: number | null;
}

/** Shorter jobs report no progress. */
const FIRST_AFTER_MS = 250;
const INTERVAL_MS = 2000;

/**
 * Reports the progress of a running job to the database, which renews its lease: soon after the start, then every two seconds
 * if something has changed, and at the latest after a third of the lease.
 */
export function reportProgress(
  { rpc, log, jobLeaseSeconds, monotonicNow }: Store & MonotonicClock & { log: Log; jobLeaseSeconds: number },
  run: JobRun,
  /** Called when the runner has lost its job: cancelled, deleted, or taken over. */
  onLost: () => void,
): { update: (progress: Progress) => void; stop: () => void } {
  let latest: Progress = { percent: 0, etaSeconds: null };
  let told: Progress | undefined;
  let toldAt = -Infinity;
  let timer = setTimeout(tell, FIRST_AFTER_MS);
  let stopped = false;

  function tell(): void {
    const renewalDue = monotonicNow() - toldAt >= (jobLeaseSeconds * 1000) / 3;
    const turn = latest === told && !renewalDue ? Promise.resolve() : send();
    void turn.finally(() => {
      if (!stopped) timer = setTimeout(tell, Math.min(INTERVAL_MS, (jobLeaseSeconds * 1000) / 3));
    });
  }

  async function send(): Promise<void> {
    const { percent, etaSeconds } = latest;
    const parameters = {
      p_job_id: run.job_id,
      p_lease_token: run.lease_token,
      p_percent: Math.round(percent),
      p_eta_seconds: etaSeconds === null ? undefined : Math.round(etaSeconds),
      p_lease_seconds: jobLeaseSeconds,
    };
    const sent = latest;
    try {
      const isOurs = await rpc('report_job_progress', parameters, z.boolean());
      if (!isOurs && !stopped) onLost();
      told = sent;
      toldAt = monotonicNow();
    } catch (error) {
      // Ignore the failure: the next report retries. If that comes too late, the lease has expired.
      log('error', 'could not report progress', { job: run.job_id, trace: run.trace_id, error });
    }
  }

  return {
    update: (progress) => {
      latest = progress;
    },
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
