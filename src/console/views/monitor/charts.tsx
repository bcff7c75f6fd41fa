import { navigate } from 'raviger';
import type { WebhookStatistics } from '../../../contracts/console-statistics.ts';
import { bucketHref } from './bucket-href.ts';
import { LatencyChart } from './latency-chart.tsx';
import type { TrafficSide } from './monitor-body.tsx';
import styles from './monitor.module.css';
import { SuccessChart } from './success-chart.tsx';
import { VolumeChart } from './volume-chart.tsx';

/** One bucket of the side that is looked at. `skipped`: attempts that the breaker spared. */
export type Bucket = WebhookStatistics['series'][number]['received'] & { at: string; skipped: number };

export interface ChartProps {
  buckets: readonly Bucket[];
  bucketSeconds: number;
  /** A press on a bucket leads to its rows; the table below has them as links. */
  onOpen: (at: string) => void;
}

/** Over time: success rate, latency, volume. The cursor is in all three at once. */
export function Charts({ statistics, traffic }: { statistics: WebhookStatistics; traffic: TrafficSide }) {
  const bucketSeconds = statistics.bucket_seconds;
  const buckets = statistics.series.map((bucket) => ({
    ...bucket[traffic],
    at: bucket.at,
    skipped: traffic === 'sent' ? bucket.sent.skipped : 0,
  }));
  const onOpen = (at: string) => navigate(bucketHref(at, bucketSeconds, traffic));
  return (
    <div className={styles['charts']}>
      <SuccessChart buckets={buckets} bucketSeconds={bucketSeconds} onOpen={onOpen} />
      <LatencyChart buckets={buckets} bucketSeconds={bucketSeconds} onOpen={onOpen} />
      <VolumeChart buckets={buckets} bucketSeconds={bucketSeconds} onOpen={onOpen} />
    </div>
  );
}
