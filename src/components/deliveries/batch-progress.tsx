import type { Done } from '../../console/use-batch.ts';
import { formatCount } from '../format.ts';
import { labelOf } from '../label-of.ts';
import { OutcomeText } from './outcome-text.tsx';
import styles from './deliveries.module.css';

/** Of a long list only so many are shown, faults first. */
const SHOWN = 200;
const ORDER = { bad: 0, none: 1, good: 2 } as const;

/** How far a batch is, and what came of each. */
export function BatchProgress({ total, done }: { total: number; done: readonly Done[] }) {
  const count = (kind: Done['outcome']['kind']) => done.filter(({ outcome }) => outcome.kind === kind).length;
  const summary = [
    `${formatCount(done.length)} of ${formatCount(total)}`,
    `${formatCount(count('good'))} done`,
    `${formatCount(count('bad'))} failed`,
    ...(count('none') > 0 ? [`${formatCount(count('none'))} left as they were`] : []),
  ].join(', ');
  const shown = [...done].sort((a, b) => ORDER[a.outcome.kind] - ORDER[b.outcome.kind]).slice(0, SHOWN);
  return (
    <>
      <progress className={styles['progress']} max={total} value={done.length} aria-label="Progress" />
      <p className={styles['summary']} role="status">
        {summary}
      </p>
      <ul className={styles['outcomes']} tabIndex={0} aria-label="Outcomes">
        {shown.map(({ delivery, outcome }) => (
          <li key={delivery.id}>
            <span className={styles['outcomeWhat']}>
              {labelOf(delivery.report_type)}, {delivery.stage}{' '}
              <span className="mono muted">{delivery.report_id.slice(0, 8)}</span>
            </span>
            <OutcomeText outcome={outcome} />
          </li>
        ))}
        {done.length > SHOWN && <li className="muted">and {formatCount(done.length - SHOWN)} more</li>}
      </ul>
    </>
  );
}
