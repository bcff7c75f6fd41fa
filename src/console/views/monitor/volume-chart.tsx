import { Bar, BarChart, CartesianGrid, Tooltip, XAxis, YAxis } from 'recharts';
import { useZone } from '../../lib/times.ts';
import { formatCount } from '../../lib/format.ts';
import { CHART, ChartPanel, GRID, tooltipOf, X_AXIS, Y_AXIS, openAt } from './chart-parts.tsx';
import type { Bucket, ChartProps } from './buckets.ts';
import { labelBucket } from './label-bucket.ts';

const LINES = (
  [
    { key: 'succeeded', name: 'succeeded', color: 'var(--chart-good)' },
    { key: 'reported_failures', name: 'failed generations', color: 'var(--chart-warn)' },
    { key: 'failed', name: 'failed', color: 'var(--chart-bad)' },
    { key: 'skipped', name: 'skipped', color: 'var(--chart-idle)' },
  ] as const
).map((line) => ({ ...line, format: (bucket: Bucket) => formatCount(bucket[line.key]) }));

export function VolumeChart({ buckets, bucketSeconds, onOpen }: ChartProps) {
  const zone = useZone();
  const isEmpty = buckets.every(({ total, skipped }) => total + skipped === 0);
  return (
    <ChartPanel title="Volume" lines={LINES} isEmpty={isEmpty}>
      <BarChart
        {...CHART}
        onClick={openAt(onOpen)}
        data={buckets}
        title="Volume over time"
        barCategoryGap="8%"
      >
        <CartesianGrid {...GRID} />
        <XAxis {...X_AXIS} tickFormatter={(at: string) => labelBucket(at, bucketSeconds, zone)} />
        <YAxis
          {...Y_AXIS}
          tickCount={4}
          allowDecimals={false}
          tickFormatter={(count: number) => formatCount(count)}
        />
        <Tooltip
          content={tooltipOf(LINES, buckets, bucketSeconds)}
          isAnimationActive={false}
          cursor={{ fill: 'var(--hover)' }}
        />
        {LINES.map(({ key, color }) => (
          <Bar key={key} dataKey={key} stackId="all" fill={color} isAnimationActive={false} />
        ))}
      </BarChart>
    </ChartPanel>
  );
}
