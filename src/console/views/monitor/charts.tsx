import { navigate } from 'raviger';
import type { WebhookStatistics } from '../../../contracts/console-statistics.ts';
import { bucketHref } from './bucket-href.ts';
import { LatencyChart } from './latency-chart.tsx';
import type { TrafficSide } from './buckets.ts';
import styles from './monitor.module.css';
import { SuccessChart } from './success-chart.tsx';
import { VolumeChart } from './volume-chart.tsx';

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
