import { useEffect, useRef } from 'react';
import { Button } from '../../ui/button.tsx';
import { CopyableId } from '../../ui/copyable-id.tsx';
import { formatCount } from '../../lib/format.ts';
import { labelOf } from '../../lib/label-of.ts';
import { Panel } from '../../ui/page.tsx';
import type { ErasedAccount } from '../../../contracts/erasure.ts';
import { KeptByPlatform } from './kept-by-platform.tsx';
import styles from './erasure.module.css';

/** Erased content, and what is left. */
export function ErasedList({
  erased: { user_id, finished, erased, kept },
  isBusy,
  onContinue,
}: {
  erased: ErasedAccount;
  isBusy: boolean;
  onContinue: () => void;
}) {
  const heading = useRef<HTMLHeadingElement>(null);
  // The button that was pressed is gone.
  useEffect(() => heading.current?.focus(), []);
  const hasLeft = erased.some(({ left }) => left > 0);
  return (
    <>
      <Panel title={finished ? 'Erased' : 'Partly erased'} headingRef={heading}>
        <p className={styles['text']} role="status">
          {finished
            ? 'Our tables hold no more content of this user. The audit and the log name the time and the operator.'
            : 'Other transactions lock the rest. The next sweeps erase it; you can also continue now.'}
        </p>
        <p className={styles['text']}>
          <CopyableId id={user_id} what="user id" />
        </p>
        <table className={`table ${styles['counts'] ?? ''}`} aria-label="Erased content">
          <thead>
            <tr>
              <th scope="col">What</th>
              <th scope="col" className="number">
                Erased
              </th>
              {hasLeft && (
                <th scope="col" className="number">
                  Left
                </th>
              )}
            </tr>
          </thead>
          <tbody>
            {erased.map(({ what, things, left }) => (
              <tr key={what}>
                <th scope="row">{labelOf(what)}</th>
                <td className="number">{formatCount(things)}</td>
                {hasLeft && <td className="number">{formatCount(left)}</td>}
              </tr>
            ))}
          </tbody>
        </table>
        {!finished && (
          <Button isBusy={isBusy} onClick={onContinue}>
            Continue now
          </Button>
        )}
      </Panel>
      <KeptByPlatform kept={kept} />
    </>
  );
}
