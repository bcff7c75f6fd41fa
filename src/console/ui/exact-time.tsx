import { formatTime, useZone } from '../lib/times.ts';
import { RelativeTime } from './relative-time.tsx';

/** Where the order of things matters: the time to the second with its zone, and how long ago that was. `value`: ISO 8601; whatever else is shown as it is. */
export function ExactTime({ value }: { value: string }) {
  const zone = useZone();
  const time = new Date(value);
  if (Number.isNaN(time.getTime())) return <span className="numeric">{value}</span>;
  return (
    <span className="numeric">
      {formatTime(time, 'exact', zone)}{' '}
      <span className="muted nowrap no-print">
        (<RelativeTime value={value} />)
      </span>
    </span>
  );
}
