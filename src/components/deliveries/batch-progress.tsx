import { useRef, useState } from 'react';
import type { Done } from '../../console/use-batch.ts';
import { Button } from '../button.tsx';
import { formatCount } from '../format.ts';
import { labelOf } from '../label-of.ts';
import { OutcomeText } from './outcome-text.tsx';
import styles from './deliveries.module.css';

/** Of a long list only so many are shown at first, and so many more when asked for; faults come first. */
const SHOWN_AT_ONCE = 200;
const ORDER = { bad: 0, none: 1, good: 2 } as const;

/** How far a batch is, and what came of each. */
export function BatchProgress({ total, done }: { total: number; done: readonly Done[] }) {
  const [shown, setShown] = useState(SHOWN_AT_ONCE);
  const list = useRef<HTMLUListElement>(null);
  const count = (kind: Done['outcome']['kind']) => done.filter(({ outcome }) => outcome.kind === kind).length;
  const summary = [
    `${formatCount(done.length)} of ${formatCount(total)}`,
    `${formatCount(count('good'))} done`,
    `${formatCount(count('bad'))} failed`,
    ...(count('none') > 0 ? [`${formatCount(count('none'))} left as they were`] : []),
  ].join(', ');
  const sorted = [...done].sort((a, b) => ORDER[a.outcome.kind] - ORDER[b.outcome.kind]);
  const left = done.length - shown;
  return (
    <>
      <progress className={styles['progress']} max={total} value={done.length} aria-label="Progress" />
      <p className={styles['summary']} role="status">
        {summary}
      </p>
      <ul ref={list} className={styles['outcomes']} tabIndex={0} aria-label="Outcomes">
        {sorted.slice(0, shown).map(({ delivery, outcome }) => (
          <li key={delivery.id}>
            <span className={styles['outcomeWhat']}>
              {labelOf(delivery.report_type)}, {delivery.stage}{' '}
              <span className="mono muted">{delivery.report_id.slice(0, 8)}</span>
            </span>
            <OutcomeText outcome={outcome} />
          </li>
        ))}
        {left > 0 && (
          <li>
            <span className="muted">and {formatCount(left)} more</span>
            <Button
              size="small"
              onClick={() => {
                // The button goes with the last of them.
                if (left <= SHOWN_AT_ONCE) list.current?.focus();
                setShown(shown + SHOWN_AT_ONCE);
              }}
            >
              Show more
            </Button>
          </li>
        )}
      </ul>
    </>
  );
}
