import type { TrafficSide } from './buckets.ts';

/** Where the audit rows of one bucket are. `at`: when it begins, as ISO 8601. */
export function bucketHref(at: string, bucketSeconds: number, traffic: TrafficSide): string {
  const begins = Date.parse(at);
  return `/audit?${new URLSearchParams({
    direction: traffic === 'sent' ? 'out' : 'in',
    after: new Date(begins).toISOString(),
    before: new Date(begins + bucketSeconds * 1000).toISOString(),
  }).toString()}`;
}
