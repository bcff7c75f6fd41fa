import { Link } from 'raviger';
import { eventHref } from '../../lib/links.ts';
import { plural } from '../../lib/format.ts';
import { RelativeTime } from '../../ui/relative-time.tsx';
import { shortId } from '../../lib/short-id.ts';
import { EmptyState } from '../../ui/states.tsx';
import type { FilterTest } from '../../../contracts/subscribers.ts';
import { shortType } from '../../lib/subscriber-words.ts';
import styles from './subscribers.module.css';

/** What a filter said of the last events, and which of its clauses decided. */
export function FilterResults({ test: { events } }: { test: FilterTest }) {
  if (events.length === 0) {
    return <EmptyState title="No event yet">A filter can be tested after the first event.</EmptyState>;
  }
  const matching = events.filter(({ matches }) => matches).length;
  return (
    <section aria-label="Result of the filter" className={styles['results']}>
      <p role="status">
        {matching} of the last {plural(events.length, 'event')} match.
      </p>
      <ol className={styles['outcomes']}>
        {events.map((event) => (
          <li key={event.event_id}>
            <span className={styles['outcome']} data-good={event.matches}>
              <span aria-hidden>{event.matches ? '✓ ' : '✕ '}</span>
              {event.matches ? 'matches' : 'does not match'}
            </span>
            <span className="foreign">
              <Link href={eventHref(event.event_id)}>{shortId(event.event_id)}</Link> {shortType(event.type)},{' '}
              {event.report_type},{' '}
              <span className="muted">
                <RelativeTime value={event.applied_at} />
              </span>
            </span>
            <span className={`${styles['why'] ?? ''} foreign`}>
              {event.explanation} <code className="muted">{event.decided_by}</code>
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}
