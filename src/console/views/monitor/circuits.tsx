import type { WebhookStatistics } from '../../../contracts/console-statistics.ts';
import { Panel } from '../../ui/page.tsx';
import { RelativeTime } from '../../ui/relative-time.tsx';
import { StatusBadge } from '../../ui/status-badge.tsx';
import styles from './monitor.module.css';

/** The circuit breaker of each endpoint. While it is open, results go straight into their reports. */
export function Circuits({ circuits }: { circuits: WebhookStatistics['circuits'] }) {
  return (
    <Panel title="Circuits">
      <ul className={styles['circuits']}>
        {circuits.map(({ endpoint_id, state, opened_at, probe_after }) => (
          <li key={endpoint_id} className={styles['circuit']} data-crossed={state !== 'closed'}>
            <span className={styles['circuitHead']}>
              <span className="mono">{endpoint_id}</span>
              <StatusBadge status={state} />
            </span>
            <span className="muted">
              {state === 'closed' ? (
                'Every delivery is sent.'
              ) : (
                <>
                  Opened {opened_at !== null && <RelativeTime value={opened_at} />}. Results go into their
                  reports directly;{' '}
                  {state === 'open' && probe_after !== null ? (
                    <>
                      next probe <RelativeTime value={probe_after} />.
                    </>
                  ) : (
                    'the next delivery is the probe.'
                  )}
                </>
              )}
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
