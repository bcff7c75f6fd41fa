import type { StatisticsWindow } from '../../contracts/console-statistics.ts';

const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const dayAndTime = new Intl.DateTimeFormat(undefined, {
  weekday: 'short',
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
});

/** When a bucket begins, in the person's time. */
export function labelBucket(at: string, window: StatisticsWindow): string {
  return (window === 'week' ? dayAndTime : time).format(new Date(at));
}
