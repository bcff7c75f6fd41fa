import { useQuery } from '@tanstack/react-query';
import { Link } from 'raviger';
import { statusQuery } from '../lib/operator-queries.ts';
import { useSession } from '../lib/session.ts';
import { ALERTS_HREF, verdictOf } from '../lib/verdict.ts';
import { Parts } from '../ui/parts.tsx';
import styles from './status-line.module.css';

const MARKS = { good: '✓', warn: '!', bad: '✕' } as const;

/** On top of every view of operators: is it healthy, or what is down, since when, what waits, what comes next. */
export function StatusLine() {
  const { supabase } = useSession();
  const status = useQuery(statusQuery(supabase));
  if (status.data === undefined) {
    // The view below says what failed; this only does not pretend to know.
    return status.isError ? (
      <p className={styles['line']} data-tone="warn">
        <strong>Cannot read the state of the system</strong>
      </p>
    ) : (
      <p className={styles['line']} aria-hidden />
    );
  }
  const { tone, title, details, href } = verdictOf(status.data);
  return (
    <section className={styles['line']} data-tone={tone} aria-label="State of the system">
      <span className={styles['mark']} aria-hidden>
        {MARKS[tone]}
      </span>
      <strong role="status">
        {href === null ? (
          <Parts parts={title} />
        ) : (
          <Link href={href}>
            <Parts parts={title} />
          </Link>
        )}
      </strong>
      {details.map((parts, index) => (
        <span key={index}>
          <Parts parts={parts} />
        </span>
      ))}
      {href !== ALERTS_HREF && status.data.alerts.firing.length > 0 && (
        <Link href={ALERTS_HREF}>Open the alerts</Link>
      )}
      {status.isError && <span>Cannot refresh: this may be out of date.</span>}
    </section>
  );
}
