import { useSyncExternalStore } from 'react';
import { formatTime, useZone } from '../lib/times.ts';
import { describeDistance } from '../lib/describe-distance.ts';

/** No longer than what counts as now: what has come since the last tick would seem to lie ahead. */
const TICK_MS = 5_000;
let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;
const listeners = new Set<() => void>();

/** One clock for all times on the page; it stands while nothing shows a time or the tab is hidden. */
function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  if (timer === undefined) {
    now = Date.now();
    timer = setInterval(() => {
      if (document.hidden) return;
      now = Date.now();
      for (const each of listeners) each();
    }, TICK_MS);
  }
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** How long ago, or until, with the exact time on hover; on paper that alone. `value`: ISO 8601; whatever else is shown as it is. */
export function RelativeTime({ value }: { value: string }) {
  const ticked = useSyncExternalStore(subscribe, () => now);
  const zone = useZone();
  const time = new Date(value);
  if (Number.isNaN(time.getTime())) return <span className="numeric">{value}</span>;
  return (
    <time dateTime={value} title={formatTime(time, 'exact', zone)} className="numeric">
      <span className="no-print">{describeDistance(time.getTime() - ticked)}</span>
    </time>
  );
}
