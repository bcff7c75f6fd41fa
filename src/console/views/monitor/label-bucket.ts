import { formatTime, type Zone } from '../../lib/times.ts';

const HOUR = 3600;

/** When a bucket of so many seconds begins. Long ones are of several days. */
export function labelBucket(at: string, seconds: number, zone: Zone): string {
  return formatTime(new Date(at), seconds > HOUR ? 'dayAndHour' : 'hour', zone);
}
