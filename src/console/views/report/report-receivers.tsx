import { Panel } from '../../ui/page.tsx';
import { RelativeTime } from '../../ui/relative-time.tsx';
import type { ReportHistory } from '../../../contracts/console-report-history.ts';
import { EventReceivers } from '../../ui/event-receivers.tsx';
import { shortId } from '../../lib/short-id.ts';
import { shortType } from '../../lib/subscriber-words.ts';
import styles from './report.module.css';

/** More are in the audit log, each with the same question. */
const MOST_EVENTS = 10;

/** Which subscribers got the report's events, and why the others did not. */
export function ReportReceivers({ history: { events } }: { history: ReportHistory }) {
  if (events.length === 0) return null;
  return (
    <Panel title="Which subscribers got the events">
      <ul className={styles['receivers']} aria-label="Events">
        {events.slice(0, MOST_EVENTS).map(({ id, type, applied_at, created_at }) => (
          <li key={id}>
            <EventReceivers eventId={id} title={`${shortType(type)}, ${shortId(id)}`} />
            <span className="muted">
              <RelativeTime value={applied_at ?? created_at} />
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
