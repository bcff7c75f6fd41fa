import { CartesianGrid, Line, LineChart, ReferenceLine, Tooltip, XAxis, YAxis } from 'recharts';
import { useZone } from '../../lib/times.ts';
import { THRESHOLDS } from '../../../contracts/console-statistics.ts';
import { formatDuration } from '../../lib/format.ts';
import {
  CHART,
  ChartPanel,
  GRID,
  isAloneAt,
  LIMIT_LINE,
  LimitDot,
  limitLabel,
  tooltipOf,
  X_AXIS,
  Y_AXIS,
  openAt,
} from './chart-parts.tsx';
import type { Bucket, ChartProps } from './buckets.ts';
import { isSlow } from './crossings.ts';
import { labelBucket } from './label-bucket.ts';

/** Below this share of the limit its line would only press the curves flat. */
const NEAR = 0.5;

const LINES = (
  [
    { key: 'p99_ms', name: 'p99', color: 'var(--warn)' },
    { key: 'p95_ms', name: 'p95', color: 'var(--accent)' },
    { key: 'p50_ms', name: 'p50', color: 'var(--chart-p50)' },
  ] as const
).map((line) => ({
  ...line,
  read: (bucket: Bucket) => bucket[line.key],
  format: (bucket: Bucket) => formatDuration(bucket[line.key]),
  isCrossed: (bucket: Bucket) => isSlow(bucket[line.key]),
}));

export function LatencyChart({ buckets, bucketSeconds, onOpen }: ChartProps) {
  const zone = useZone();
  const slowest = Math.max(0, ...buckets.map(({ p99_ms }) => p99_ms ?? 0));
  return (
    <ChartPanel title="Latency" lines={LINES} isEmpty={slowest === 0}>
      <LineChart {...CHART} onClick={openAt(onOpen)} data={buckets} title="Latency over time">
        <CartesianGrid {...GRID} />
        <XAxis {...X_AXIS} tickFormatter={(at: string) => labelBucket(at, bucketSeconds, zone)} />
        <YAxis
          {...Y_AXIS}
          tickCount={4} // A label is broken at a space where it does not fit.
          tickFormatter={(ms: number) => formatDuration(ms).replace(' ', '\u00a0')}
        />
        {slowest > THRESHOLDS.latencyMs * NEAR && (
          <ReferenceLine {...LIMIT_LINE} y={THRESHOLDS.latencyMs} label={limitLabel('2 s')} />
        )}
        <Tooltip content={tooltipOf(LINES, buckets, bucketSeconds)} isAnimationActive={false} />
        {LINES.map(({ key, color, read, isCrossed }) => (
          <Line
            key={key}
            dataKey={key}
            stroke={color}
            strokeWidth={key === 'p95_ms' ? 2 : 1.5}
            strokeDasharray={key === 'p99_ms' ? '5 3' : 'none'}
            isAnimationActive={false}
            dot={({ index, cx, cy }) => {
              const bucket = buckets[index];
              return (
                <LimitDot
                  key={index}
                  cx={cx}
                  cy={cy}
                  color={color}
                  isCrossed={bucket !== undefined && isCrossed(bucket)}
                  isShown={(bucket !== undefined && isCrossed(bucket)) || isAloneAt(buckets, index, read)}
                />
              );
            }}
          />
        ))}
      </LineChart>
    </ChartPanel>
  );
}
