import {
  CartesianGrid,
  Line,
  LineChart,
  ReferenceArea,
  ReferenceLine,
  Tooltip,
  XAxis,
  YAxis,
} from 'recharts';
import { useZone } from '../../lib/times.ts';
import { THRESHOLDS } from '../../../contracts/console-statistics.ts';
import { formatCount, formatShare } from '../../lib/format.ts';
import {
  CHART,
  ChartPanel,
  GRID,
  isAloneAt,
  LIMIT_LINE,
  LimitDot,
  limitLabel,
  PLOT,
  tooltipOf,
  X_AXIS,
  Y_AXIS,
  openAt,
} from './chart-parts.tsx';
import type { Bucket, ChartProps } from './buckets.ts';
import { isRateLow } from './crossings.ts';
import { labelBucket } from './label-bucket.ts';

const COLOR = 'var(--good)';
const rate = ({ success_rate }: Bucket) => success_rate;
const LINES = [
  {
    key: 'rate',
    name: 'Success rate',
    color: COLOR,
    format: (bucket: Bucket) => formatShare(bucket.success_rate),
    isCrossed: isRateLow,
  },
  { key: 'of', name: 'Total', color: 'transparent', format: ({ total }: Bucket) => formatCount(total) },
];

export function SuccessChart({ buckets, bucketSeconds, onOpen }: ChartProps) {
  const zone = useZone();
  const rates = buckets.map(rate).filter((value) => value !== null);
  const lowest = Math.min(0.9, ...rates);
  const bottom = Math.floor(lowest * 10) / 10;
  const isCrossed = buckets.some(isRateLow);
  const ticks = [0, 1, 2, 3, 4].map((step) => bottom + ((1 - bottom) * step) / 4);
  const limitAt = (1 - THRESHOLDS.successRate) / (1 - bottom);
  return (
    <ChartPanel title="Success rate" lines={LINES.slice(0, 1)} isEmpty={rates.length === 0}>
      <LineChart {...CHART} onClick={openAt(onOpen)} data={buckets} title="Success rate over time">
        <defs>
          {/* In pixels of the plot: by the line's own box, a level line would have no height and not be drawn. */}
          <linearGradient
            id="success-line"
            gradientUnits="userSpaceOnUse"
            x1="0"
            x2="0"
            y1={PLOT.top}
            y2={PLOT.bottom}
          >
            <stop offset={limitAt} stopColor={COLOR} />
            <stop offset={limitAt} stopColor="var(--danger)" />
          </linearGradient>
        </defs>
        <CartesianGrid {...GRID} />
        <XAxis {...X_AXIS} tickFormatter={(at: string) => labelBucket(at, bucketSeconds, zone)} />
        <YAxis
          {...Y_AXIS}
          domain={[bottom, 1]}
          ticks={ticks}
          interval={0}
          tickFormatter={(share: number) => `${Math.round(share * 100)} %`}
        />
        {isCrossed && (
          <ReferenceArea y1={bottom} y2={THRESHOLDS.successRate} fill="var(--danger)" fillOpacity={0.07} />
        )}
        <ReferenceLine {...LIMIT_LINE} y={THRESHOLDS.successRate} label={limitLabel('95 %')} />
        <Tooltip content={tooltipOf(LINES, buckets, bucketSeconds)} isAnimationActive={false} />
        <Line
          dataKey="success_rate"
          stroke="url(#success-line)"
          strokeWidth={2}
          isAnimationActive={false}
          dot={({ index, cx, cy }) => {
            const bucket = buckets[index];
            return (
              <LimitDot
                key={index}
                cx={cx}
                cy={cy}
                color={COLOR}
                isCrossed={bucket !== undefined && isRateLow(bucket)}
                isShown={isAloneAt(buckets, index, rate)}
              />
            );
          }}
        />
      </LineChart>
    </ChartPanel>
  );
}
