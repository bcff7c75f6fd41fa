import type { OpenDelivery } from '../../contracts/console-deliveries.ts';
import { labelOf } from '../lib/label-of.ts';
import styles from './fault.module.css';

/** Why a delivery failed: in two lines, and whole with the beginning of the answer when it is opened. */
export function Fault({ delivery }: { delivery: OpenDelivery }) {
  const { error, response_status, response_excerpt, dead_reason } = delivery;
  if (error === null && response_excerpt === null) {
    return (
      <span className="muted">{dead_reason === null ? 'nothing failed yet' : labelOf(dead_reason)}</span>
    );
  }
  return (
    <details>
      <summary>
        {response_status !== null && <span className={styles['code']}>{response_status}</span>}
        <span className={`${styles['clamped'] ?? ''} foreign`}>{error ?? 'no error was recorded'}</span>
      </summary>
      <dl className={styles['faultMore']} tabIndex={0} aria-label="Failure reason">
        {dead_reason !== null && (
          <>
            <dt>Dead letter reason</dt>
            <dd>{labelOf(dead_reason)}</dd>
          </>
        )}
        <dt>Error</dt>
        <dd className="foreign">{error ?? 'none'}</dd>
        {response_excerpt !== null && (
          <>
            <dt>The last answer began</dt>
            <dd className="foreign mono">{response_excerpt}</dd>
          </>
        )}
      </dl>
    </details>
  );
}
