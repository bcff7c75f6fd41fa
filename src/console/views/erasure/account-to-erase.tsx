import { useState } from 'react';
import { Button } from '../../ui/button.tsx';
import { CopyableId } from '../../ui/copyable-id.tsx';
import { Fact, Facts } from '../../ui/facts.tsx';
import { Field } from '../../ui/field.tsx';
import { formatCount } from '../../lib/format.ts';
import { labelOf } from '../../lib/label-of.ts';
import { Panel } from '../../ui/page.tsx';
import { ErrorState } from '../../ui/states.tsx';
import type { AccountContent } from '../../../contracts/erasure.ts';
import { KeptByPlatform } from './kept-by-platform.tsx';
import styles from './erasure.module.css';

/** Content to erase, and the question: it is answered by typing the account's id. */
export function AccountToErase({
  account: { user_id, email, has_account, content, kept },
  isBusy,
  error,
  onErase,
}: {
  account: AccountContent;
  isBusy: boolean;
  error: Error | null;
  onErase: (userId: string) => void;
}) {
  const [typed, setTyped] = useState('');
  const total = content.reduce((sum, { things }) => sum + things, 0);
  const isConfirmed = typed.trim().toLowerCase() === user_id;
  return (
    <>
      <Panel title="Content to erase">
        <Facts>
          <Fact name="User">
            <CopyableId id={user_id} what="user id" />
          </Fact>
          <Fact name="E-mail">{email}</Fact>
          <Fact name="Account">{has_account ? 'exists' : 'deleted, or never created'}</Fact>
        </Facts>
        <table className={`table ${styles['counts'] ?? ''}`} aria-label="Content to erase">
          <tbody>
            {content.map(({ what, things }) => (
              <tr key={what}>
                <th scope="row">{labelOf(what)}</th>
                <td className="number">{formatCount(things)}</td>
              </tr>
            ))}
          </tbody>
        </table>
        {total === 0 && <p className="muted">Our tables hold no content of this user.</p>}
      </Panel>
      <KeptByPlatform kept={kept} />
      <Panel title="Confirm the erasure">
        <form
          className={styles['confirm']}
          onSubmit={(event) => {
            event.preventDefault();
            if (isConfirmed) onErase(user_id);
          }}
        >
          <Field
            label="Type the user’s id to confirm"
            hint="This cannot be undone. Running jobs of this user lose their results."
          >
            {(control) => (
              <input
                {...control}
                type="text"
                autoComplete="off"
                spellCheck={false}
                value={typed}
                onChange={(event) => setTyped(event.target.value)}
              />
            )}
          </Field>
          {error !== null && <ErrorState error={error} />}
          <div>
            <Button type="submit" look="danger" disabled={!isConfirmed} isBusy={isBusy}>
              Erase the content
            </Button>
          </div>
        </form>
      </Panel>
    </>
  );
}
