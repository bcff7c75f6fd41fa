import type { Outcome } from '../../console/delivery-actions.ts';
import styles from './deliveries.module.css';

export function OutcomeText({ outcome: { kind, word, detail } }: { outcome: Outcome }) {
  return (
    <span className={styles['outcome']} data-kind={kind}>
      <strong>{word}</strong>
      {detail !== undefined && <span className="foreign muted"> {detail}</span>}
    </span>
  );
}
