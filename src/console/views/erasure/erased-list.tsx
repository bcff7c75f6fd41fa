import { useEffect, useRef } from 'react';
import { Button } from '../../ui/button.tsx';
import { CopyableId } from '../../ui/copyable-id.tsx';
import { formatCount } from '../../lib/format.ts';
import { labelOf } from '../../lib/label-of.ts';
import { Panel } from '../../ui/page.tsx';
import type { ErasedAccount } from '../../../contracts/erasure.ts';
import { KeptByPlatform } from './kept-by-platform.tsx';
import styles from './erasure.module.css';

/** What went, and what is left. */
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
      <Panel title={finished ? 'Erased' : 'Erased in part'} headingRef={heading}>
        <p className={styles['text']} role="status">
          {finished
            ? 'Nothing of ours holds content of this user any more. The audit and the log say when, and who decided.'
            : 'Other transactions hold the rest. The next sweeps erase it; you may also go on now.'}
        </p>
        <p className={styles['text']}>
          <CopyableId id={user_id} what="user id" />
        </p>
        <table className={`table ${styles['counts'] ?? ''}`} aria-label="What went">
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
            Go on now
          </Button>
        )}
      </Panel>
      <KeptByPlatform kept={kept} />
    </>
  );
}
