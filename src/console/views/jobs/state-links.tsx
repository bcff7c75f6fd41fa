import { Link } from 'raviger';
import { formatCount } from '../../lib/format.ts';
import type { JobFilterState, OperatorJobPage } from '../../../contracts/console-jobs.ts';
import styles from './jobs.module.css';

export const STATE_NAMES: Record<JobFilterState, string> = {
  running: 'Running',
  overdue: 'Overdue',
  waiting: 'Waiting for the pipeline',
  failed: 'Failed',
  cancelled: 'Cancelled',
  taken_over: 'Taken over',
  succeeded: 'Succeeded',
};
const COUNTED = ['running', 'overdue', 'waiting', 'failed', 'cancelled', 'taken_over'] as const;

/** The states with how many jobs are in each. The other filters stay. */
export function StateLinks({
  current,
  counts,
}: {
  current: JobFilterState | undefined;
  counts: OperatorJobPage['counts'] | undefined;
}) {
  return (
    <nav aria-label="States" className={styles['states']}>
      <Link href={hrefOf(undefined)} aria-current={current === undefined ? 'page' : undefined}>
        All
      </Link>
      {COUNTED.map((state) => (
        <Link
          key={state}
          href={hrefOf(state)}
          aria-current={current === state ? 'page' : undefined}
          data-calls={state === 'overdue' && (counts?.overdue.count ?? 0) > 0}
        >
          {STATE_NAMES[state]}
          {counts !== undefined && (
            <span className={styles['count']}>
              {formatCount(counts[state].count)}
              {counts[state].capped && '+'}
            </span>
          )}
        </Link>
      ))}
      <Link href={hrefOf('succeeded')} aria-current={current === 'succeeded' ? 'page' : undefined}>
        {STATE_NAMES.succeeded}
      </Link>
    </nav>
  );
}

function hrefOf(state: JobFilterState | undefined): string {
  const query = new URLSearchParams(location.search);
  if (state === undefined) query.delete('state');
  else query.set('state', state);
  const text = query.toString();
  return text === '' ? '/jobs' : `/jobs?${text}`;
}
