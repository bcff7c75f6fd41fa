import type { WebhookStatistics } from '../../../contracts/console-statistics.ts';

/** What we send, or what we receive. */
export type TrafficSide = 'sent' | 'received';

/** One bucket of the side that is looked at. `skipped`: attempts that the breaker spared. */
export type Bucket = WebhookStatistics['series'][number]['received'] & { at: string; skipped: number };

export interface ChartProps {
  buckets: readonly Bucket[];
  bucketSeconds: number;
  /** A press on a bucket leads to its rows; the table below has them as links. */
  onOpen: (at: string) => void;
}
