import { Button } from './button.tsx';
import styles from './refresh-bar.module.css';
import { RelativeTime } from './relative-time.tsx';

/**
 * How old the data shown is, since `readAt` (in ms); holds the refreshing, or does it now. Says so where the last refresh
 * failed.
 */
export function RefreshBar({
  query,
  readAt,
  isPaused,
  onPausedChange,
}: {
  query: { isError: boolean; isFetching: boolean; refetch: () => Promise<unknown> };
  readAt: number | undefined;
  isPaused: boolean;
  onPausedChange: (isPaused: boolean) => void;
}) {
  return (
    <div className={styles['bar']}>
      <span className={styles['age']} data-stale={query.isError || isPaused}>
        {query.isError && 'Cannot refresh. '}
        {isPaused && 'Paused. '}
        {readAt !== undefined && (
          <>
            Updated <RelativeTime value={new Date(readAt).toISOString()} />
          </>
        )}
      </span>
      <Button
        size="small"
        className={styles['pause'] ?? ''}
        aria-pressed={isPaused}
        onClick={() => onPausedChange(!isPaused)}
      >
        Pause
      </Button>
      <Button size="small" onClick={() => void query.refetch()}>
        Refresh
      </Button>
    </div>
  );
}
