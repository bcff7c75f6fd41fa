import { formatTime, type Zone } from '../../console/times.ts';
import type { StatisticsWindow } from '../../contracts/console-statistics.ts';

/** When a bucket begins. */
export function labelBucket(at: string, window: StatisticsWindow, zone: Zone): string {
  return formatTime(new Date(at), window === 'week' ? 'dayAndHour' : 'hour', zone);
}
