import { plural } from '../../lib/format.ts';
import { RelativeTime } from '../../ui/relative-time.tsx';
import type { AlertDelivery, AlertRow } from '../../../contracts/console-alerts.ts';
import styles from './alerts.module.css';

const WHAT = { firing: 'The beginning', resolved: 'The end' } as const;

/** Whether people were told, where, and what failed. */
export function Sent({ alert: { state, deliveries, silenced_until } }: { alert: AlertRow }) {
  if (deliveries.length === 0) {
    if (state === 'pending') return 'Not yet: the alert is sent when it fires.';
    if (silenced_until !== null) return 'No: the alert is silenced.';
    return state === 'firing'
      ? 'No: the next evaluation sends the alert, if ALERT_URLS has an address.'
      : 'No: the alert was silenced, or ALERT_URLS had no address.';
  }
  return (
    <ul className={styles['sent']}>
      {deliveries.map((delivery) => (
        <li key={delivery.transition}>
          {WHAT[delivery.transition]} <Outcome delivery={delivery} />
        </li>
      ))}
    </ul>
  );
}

function Outcome({
  delivery: { attempts, delivered_at, dead_at, next_attempt, error, host },
}: {
  delivery: AlertDelivery;
}) {
  if (delivered_at !== null) {
    return (
      <>
        was sent{host !== null && ` to ${host}`} <RelativeTime value={delivered_at} />.
      </>
    );
  }
  return (
    <>
      {dead_at !== null ? (
        <>
          failed for good <RelativeTime value={dead_at} />, after {plural(attempts, 'attempt')}.
        </>
      ) : attempts === 0 ? (
        'is about to be sent.'
      ) : (
        <>
          is not confirmed after {plural(attempts, 'attempt')}
          {next_attempt !== null && (
            <>
              ; next <RelativeTime value={next_attempt} />
            </>
          )}
          .
        </>
      )}
      {error !== null && <span className={styles['error']}> {error}</span>}
    </>
  );
}
