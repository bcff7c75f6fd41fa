import type { ReactNode } from 'react';
import { useZone, zoneName } from '../../lib/times.ts';
import { Panel } from '../../ui/page.tsx';
import type { Bucket } from './buckets.ts';
import { labelBucket } from './label-bucket.ts';
import styles from './monitor.module.css';

/** What the three charts have in common. */
export const CHART = {
  responsive: true,
  syncId: 'monitor',
  className: styles['chart'] ?? '',
  margin: { top: 8, right: 8, bottom: 0, left: 0 },
} as const;

const X_AXIS_HEIGHT = 22;
/** Where the plot begins and ends, in pixels from the top: the height is that of `.chart`. */
export const PLOT = { top: CHART.margin.top, bottom: 198 - X_AXIS_HEIGHT } as const;

const TICK = { fill: 'var(--text-muted)', fontSize: 11.5 };

export const X_AXIS = {
  dataKey: 'at',
  height: X_AXIS_HEIGHT,
  tick: TICK,
  tickLine: false,
  axisLine: { stroke: 'var(--border-strong)' },
  interval: 'equidistantPreserveStart',
  minTickGap: 36,
} as const;

export const Y_AXIS = { width: 52, tick: TICK, tickLine: false, axisLine: false } as const;

export const GRID = { vertical: false, stroke: 'var(--border)' } as const;

/** A limit, as a line across the chart. */
export const LIMIT_LINE = {
  stroke: 'var(--danger)',
  strokeDasharray: '4 4',
  ifOverflow: 'extendDomain',
} as const;

export function limitLabel(value: string) {
  return { value, position: 'insideBottomLeft', fill: 'var(--danger)', fontSize: 11.5 } as const;
}

interface Line {
  key: string;
  name: string;
  color: string;
  format: (bucket: Bucket) => string;
  isCrossed?: (bucket: Bucket) => boolean;
}

export function ChartPanel({
  title,
  lines,
  isEmpty,
  children,
}: {
  title: string;
  lines: readonly Line[];
  isEmpty: boolean;
  children: ReactNode;
}) {
  const zone = useZone();
  return (
    <Panel
      title={title}
      actions={
        lines.length > 1 && (
          <ul className={styles['legend']}>
            {lines.map(({ key, name, color }) => (
              <li key={key}>
                <span className={styles['swatch']} style={{ background: color }} aria-hidden />
                {name}
              </li>
            ))}
          </ul>
        )
      }
    >
      <div className={styles['chartFrame']}>
        {children}
        {isEmpty && <p className={styles['noTraffic']}>No traffic in this window</p>}
      </div>
      <p className={styles['axisZone']}>{zoneName(zone)}</p>
    </Panel>
  );
}

/** What the cursor is at. The chart library hands in what is there: `label` is the bucket's time. */
export function tooltipOf(lines: readonly Line[], buckets: readonly Bucket[], bucketSeconds: number) {
  return function ChartTooltip({ active, label }: { active?: boolean; label?: string | number | undefined }) {
    const zone = useZone();
    const bucket = buckets.find(({ at }) => at === label);
    if (!active || bucket === undefined) return null;
    return (
      <div className={styles['tooltip']}>
        <p className={styles['tooltipTitle']}>
          {labelBucket(bucket.at, bucketSeconds, zone)} <span className="muted">{zoneName(zone)}</span>
        </p>
        {lines.map(({ key, name, color, format, isCrossed }) => (
          <p key={key} className={styles['tooltipLine']} data-crossed={isCrossed?.(bucket) ?? false}>
            <span className={styles['swatch']} style={{ background: color }} aria-hidden />
            {name}
            <span className={styles['tooltipValue']}>{format(bucket)}</span>
          </p>
        ))}
      </div>
    );
  };
}

/** Leads from a press on a chart to the bucket under it: the chart library hands in its time. */
export function openAt(onOpen: (at: string) => void) {
  return ({ activeLabel }: { activeLabel?: string | number | undefined }) => {
    if (typeof activeLabel === 'string') onOpen(activeLabel);
  };
}

/** A dot on a line, in the colour of the limit where that is crossed. */
export function LimitDot({
  cx,
  cy,
  color,
  isCrossed,
  isShown,
}: {
  cx: number | undefined;
  cy: number | undefined;
  color: string;
  isCrossed: boolean;
  isShown: boolean;
}) {
  if (cx === undefined || cy === undefined || !isShown) return null;
  return <circle cx={cx} cy={cy} r={2.5} fill={isCrossed ? 'var(--danger)' : color} stroke="none" />;
}

/** Whether this bucket has a value and none of its neighbours has: then its line has no length. */
export function isAloneAt(
  buckets: readonly Bucket[],
  index: number,
  read: (bucket: Bucket) => number | null,
): boolean {
  const has = (at: number) => {
    const bucket = buckets[at];
    return bucket !== undefined && read(bucket) !== null;
  };
  return has(index) && !has(index - 1) && !has(index + 1);
}
