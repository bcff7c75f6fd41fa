import { Link } from 'raviger';
import { useZone, zoneName } from '../../lib/times.ts';
import type { WebhookStatistics } from '../../../contracts/console-statistics.ts';
import { formatCount, formatDuration, formatShare, plural } from '../../lib/format.ts';
import { bucketHref } from './bucket-href.ts';
import { isRateLow, isSlow } from './crossings.ts';
import { labelBucket } from './label-bucket.ts';
import type { TrafficSide } from './buckets.ts';
import styles from './monitor.module.css';

const PERCENTILES = ['p50_ms', 'p95_ms', 'p99_ms'] as const;

/** What the charts show, for whoever reads rather than looks. Buckets without traffic are left out. */
export function SeriesTable({
  statistics,
  traffic,
}: {
  statistics: WebhookStatistics;
  traffic: TrafficSide;
}) {
  const zone = useZone();
  const rows = statistics.series
    .filter((bucket) => bucket[traffic].total > 0 || bucket.sent.skipped > 0)
    .reverse();
  return (
    <details className={styles['seriesTable']}>
      <summary>The charts as a table, {plural(rows.length, 'row')}</summary>
      <div className={styles['scroll']} tabIndex={0} role="region" aria-label="Figures over time">
        <table className="table">
          <thead>
            <tr>
              <th scope="col">From, {zoneName(zone)}</th>
              <th scope="col">Total</th>
              <th scope="col">Failed</th>
              <th scope="col">Failed generations</th>
              <th scope="col">Success rate</th>
              <th scope="col">p50</th>
              <th scope="col">p95</th>
              <th scope="col">p99</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((bucket) => {
              const figures = bucket[traffic];
              return (
                <tr key={bucket.at}>
                  <td className="nowrap">
                    <Link href={bucketHref(bucket.at, statistics.bucket_seconds, traffic)}>
                      {labelBucket(bucket.at, statistics.bucket_seconds, zone)}
                    </Link>
                  </td>
                  <td>{formatCount(figures.total)}</td>
                  <td>{formatCount(figures.failed)}</td>
                  <td>{formatCount(figures.reported_failures)}</td>
                  <td data-crossed={isRateLow(figures)}>{formatShare(figures.success_rate)}</td>
                  {PERCENTILES.map((key) => (
                    <td key={key} data-crossed={isSlow(figures[key])}>
                      {formatDuration(figures[key])}
                    </td>
                  ))}
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </details>
  );
}
