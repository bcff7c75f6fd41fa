import type { JobSummary } from '../../contracts/console-reports.ts';
import { labelOf } from '../lib/label-of.ts';
import styles from './job-list.module.css';

/** How far a job is, and how long it will still take. */
export function JobProgress({ job: { percent, eta_seconds, stage } }: { job: JobSummary }) {
  const done = percent ?? 0;
  return (
    <div className={styles['progress']}>
      <progress
        max={100}
        value={done}
        aria-label={`${labelOf(stage ?? 'job')} job`}
        className={styles['bar']}
      />
      <span className="numeric">{done} %</span>
      <span className="numeric muted">
        {eta_seconds === null ? 'time left unknown' : `about ${eta_seconds} s left`}
      </span>
    </div>
  );
}
