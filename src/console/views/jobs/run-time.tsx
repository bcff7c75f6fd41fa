import { formatDuration } from '../../lib/format.ts';
import { RelativeTime } from '../../ui/relative-time.tsx';
import type { OperatorJob } from '../../../contracts/console-jobs.ts';

const MINUTE_MS = 60_000;

/** How long it ran, or since when it does. A short job reports no progress: without a start, it may have run. */
export function RunTime({ job: { started_at, completed_at } }: { job: OperatorJob }) {
  if (started_at === null)
    return <span className="muted">{completed_at === null ? 'no progress yet' : 'run time unknown'}</span>;
  if (completed_at === null) {
    return (
      <span className="muted nowrap">
        started <RelativeTime value={started_at} />
      </span>
    );
  }
  const ms = Date.parse(completed_at) - Date.parse(started_at);
  // Rows of the platform may have times that are none, or in no order.
  if (!(ms >= 0)) return null;
  const text =
    ms < MINUTE_MS
      ? formatDuration(ms)
      : `${Math.floor(ms / MINUTE_MS)} min ${Math.floor((ms % MINUTE_MS) / 1000)} s`;
  return <span className="muted nowrap">ran {text}</span>;
}
