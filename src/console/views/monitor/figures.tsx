import { Link } from 'raviger';
import type { ReactNode } from 'react';
import { SINCE } from '../../lib/time-range.ts';
import { THRESHOLDS, type WebhookStatistics } from '../../../contracts/console-statistics.ts';
import { formatCount, formatDuration, formatShare, plural } from '../../lib/format.ts';
import { RelativeTime } from '../../ui/relative-time.tsx';
import { isQueueLong, isRateLow, isSlow } from './crossings.ts';
import type { TrafficSide } from './buckets.ts';
import styles from './monitor.module.css';
import { timeFields } from './time-fields.ts';

const LIMITS = {
  successRate: `${THRESHOLDS.successRate * 100} %`,
  latency: `${THRESHOLDS.latencyMs / 1000} s`,
  queue: formatCount(THRESHOLDS.queueDepth),
};
const PERCENTILES = [
  ['p50', 'p50_ms'],
  ['p95', 'p95_ms'],
  ['p99', 'p99_ms'],
] as const;

/** The figures at a glance. Each has its limit under it, marked where it is crossed. */
export function Figures({ statistics, traffic }: { statistics: WebhookStatistics; traffic: TrafficSide }) {
  const { sent, received, queue, by_status } = statistics;
  const figures = statistics[traffic];
  const isSent = traffic === 'sent';
  const slow = PERCENTILES.filter(([, key]) => isSlow(figures[key])).map(([name]) => name);
  return (
    <ul className={styles['figures']} aria-label="Figures">
      <Figure
        name={isSent ? 'Success rate of attempts' : 'Success rate of requests'}
        value={formatShare(figures.success_rate)}
        isCrossed={isRateLow(figures)}
        limit={isRateLow(figures) ? `under ${LIMITS.successRate}` : `limit ${LIMITS.successRate}`}
      >
        {formatCount(figures.failed)} of {formatCount(figures.total)}{' '}
        {isSent ? 'failed' : 'refused or failed'}
        {figures.reported_failures > 0 &&
          `; the rate leaves out ${plural(figures.reported_failures, 'failed generation')}`}
      </Figure>
      <Figure
        name="Latency, p95"
        value={formatDuration(figures.p95_ms)}
        isCrossed={slow.length > 0}
        isValueCrossed={isSlow(figures.p95_ms)}
        limit={slow.length > 0 ? `${slow.join(', ')} over ${LIMITS.latency}` : `limit ${LIMITS.latency}`}
      >
        {PERCENTILES.filter(([name]) => name !== 'p95').map(([name, key]) => (
          <span key={name} className={styles['percentile']} data-crossed={isSlow(figures[key])}>
            {name} {formatDuration(figures[key])}
          </span>
        ))}
      </Figure>
      <Figure
        name={isSent ? 'Attempts' : 'Requests'}
        value={formatCount(figures.total)}
        limit={isSent && sent.skipped > 0 ? `${formatCount(sent.skipped)} skipped` : undefined}
      >
        {isSent ? `${plural(received.total, 'request')} received` : `${plural(sent.total, 'attempt')} sent`}
      </Figure>
      <Figure
        name="Queue"
        value={formatCount(queue.depth)}
        isCrossed={isQueueLong(queue.depth)}
        limit={isQueueLong(queue.depth) ? `over ${LIMITS.queue}` : `limit ${LIMITS.queue}`}
      >
        {formatCount(queue.due)} due
        {queue.oldest_waiting !== null && (
          <>
            ; oldest created <RelativeTime value={queue.oldest_waiting} />
          </>
        )}
      </Figure>
      <Figure
        name="Dead letters"
        value={formatCount(by_status.dead)}
        isCrossed={by_status.dead > 0}
        limit={by_status.dead > 0 ? 'wait for an operator' : undefined}
      >
        {by_status.dead > 0 ? <Link href="/deliveries?status=dead">Open dead letters</Link> : 'none'}
      </Figure>
    </ul>
  );
}

/** The jobs behind the reports. Each figure leads to the jobs that it counts. */
export function JobFigures({ statistics }: { statistics: WebhookStatistics }) {
  const { jobs, window } = statistics;
  const inWindow = window === null ? 'in this time' : `in the ${SINCE[window].label.toLowerCase()}`;
  return (
    <ul className={`${styles['figures'] ?? ''} ${styles['jobFigures'] ?? ''}`} aria-label="Jobs">
      <Figure name="Jobs running" value={formatCount(jobs.running)}>
        <Link href="/jobs?state=running">{jobs.running > 0 ? 'Running jobs' : 'Jobs'}</Link>
        {jobs.oldest !== null && (
          <>
            ; oldest requested <RelativeTime value={jobs.oldest} />
          </>
        )}
        {jobs.waiting > 0 && (
          <>
            ,{' '}
            <Link href="/jobs?state=waiting">
              {formatCount(jobs.waiting)} {jobs.waiting === 1 ? 'waits' : 'wait'} for the pipeline
            </Link>
          </>
        )}
      </Figure>
      <Figure
        name="Jobs overdue"
        value={formatCount(jobs.overdue)}
        isCrossed={jobs.overdue > 0}
        limit={jobs.overdue > 0 ? 'the next sweep takes them over' : undefined}
      >
        {jobs.overdue > 0 ? <Link href="/jobs?state=overdue">Overdue jobs</Link> : 'none'}
      </Figure>
      <Figure
        name="Jobs failed"
        value={formatCount(jobs.failed)}
        isCrossed={jobs.failed > 0}
        limit={jobs.failed > 0 ? inWindow : undefined}
      >
        {jobs.failed > 0 ? (
          <Link
            href={`/jobs?${new URLSearchParams({ state: 'failed', ...timeFields(statistics) }).toString()}`}
          >
            Failed jobs
          </Link>
        ) : (
          `none ${inWindow}`
        )}
        {jobs.cancelled > 0 && `, ${formatCount(jobs.cancelled)} cancelled`}
      </Figure>
      <Figure name="Jobs taken over" value={formatCount(jobs.taken_over)}>
        {jobs.taken_over > 0 ? (
          <>
            {inWindow}. <Link href="/jobs?state=taken_over">Jobs taken over</Link>
          </>
        ) : (
          `none ${inWindow}`
        )}
      </Figure>
    </ul>
  );
}

function Figure({
  name,
  value,
  limit,
  isCrossed = false,
  isValueCrossed = isCrossed,
  children,
}: {
  name: string;
  value: string;
  limit?: string | undefined;
  isCrossed?: boolean;
  /** Where another of its figures crosses the limit, and not this one. */
  isValueCrossed?: boolean;
  children: ReactNode;
}) {
  return (
    <li className={styles['figure']} data-crossed={isCrossed}>
      <span className={styles['figureName']}>{name}</span>
      <span className={styles['figureLine']}>
        <strong className={styles['figureValue']} data-crossed={isValueCrossed}>
          {value}
        </strong>
        {limit !== undefined && <span className={styles['limit']}>{limit}</span>}
      </span>
      <span className={styles['figureNote']}>{children}</span>
    </li>
  );
}
