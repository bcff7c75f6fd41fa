import { lazy, Suspense } from 'react';
import type { WebhookStatistics } from '../../../contracts/console-statistics.ts';
import type { TrafficSide } from './buckets.ts';
import { Breakdowns } from './breakdowns.tsx';
import { Circuits } from './circuits.tsx';
import { Figures, JobFigures } from './figures.tsx';
import { SeriesTable } from './series-table.tsx';
import styles from './monitor.module.css';

/** The chart library is larger than everything else on the page: figures do not wait for it. */
const Charts = lazy(async () => ({ default: (await import('./charts.tsx')).Charts }));

/** `isFormer`: these are the figures of another window, until the present one's are there. */
export function MonitorBody({
  statistics,
  traffic,
  isFormer,
}: {
  statistics: WebhookStatistics;
  traffic: TrafficSide;
  isFormer: boolean;
}) {
  return (
    <div className={styles['body']} aria-busy={isFormer} data-former={isFormer}>
      <Figures statistics={statistics} traffic={traffic} />
      <JobFigures statistics={statistics} />
      <Suspense fallback={<div className={styles['chartsToCome']} aria-hidden />}>
        <Charts statistics={statistics} traffic={traffic} />
      </Suspense>
      <SeriesTable statistics={statistics} traffic={traffic} />
      <Breakdowns statistics={statistics} />
      <Circuits circuits={statistics.circuits} />
    </div>
  );
}
