import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { z } from 'zod';
import { Button } from '../../ui/button.tsx';
import { Field } from '../../ui/field.tsx';
import { Page, Panel } from '../../ui/page.tsx';
import { EmptyState, ErrorState, LoadingState } from '../../ui/states.tsx';
import { eraseAccount } from '../../../services/erasure.ts';
import { useSession } from '../../lib/session.ts';
import { unwrap } from '../../lib/unwrap.ts';
import { useSearch } from '../../lib/use-search.ts';
import { AccountToErase } from './account-to-erase.tsx';
import { ErasedList } from './erased-list.tsx';
import { accountContentQuery } from './queries.ts';
import styles from './erasure.module.css';

const view = z.object({ user: z.guid().optional().catch(undefined) });

/** Erases everything that an account's owner and their results have said. Facts, such as ids, order and audit, stay. */
export function Erasure() {
  const { supabase } = useSession();
  const client = useQueryClient();
  const [{ user }, change] = useSearch(view);
  // An address stands in no URL: it would outlive the erasure in histories and logs.
  const [address, setAddress] = useState<string | null>(null);
  const sought = address ?? user;
  const found = useQuery(accountContentQuery(supabase, sought));
  const erase = useMutation({
    mutationFn: (userId: string) => unwrap(eraseAccount(supabase, userId)),
    // Reports, jobs and deliveries that other views show may be gone.
    onSuccess: () => client.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'erasure' }),
  });

  function find(named: string): void {
    erase.reset();
    const isId = z.guid().safeParse(named).success;
    setAddress(isId ? null : named);
    change({ user: isId ? named.toLowerCase() : null });
    if (named === sought) void found.refetch();
  }

  return (
    <Page
      title="Erase an account’s content"
      lead="Deletes the user’s reports, and erases the content of their jobs and events. Ids, the order of events and the audit stay."
    >
      <Panel title="User">
        <form
          role="search"
          className={styles['find']}
          onSubmit={(event) => {
            event.preventDefault();
            const named = new FormData(event.currentTarget).get('account');
            if (typeof named === 'string' && named.trim() !== '') find(named.trim());
          }}
        >
          <Field label="User id or complete e-mail address" hint="Each look-up is audited with your name.">
            {(control) => (
              <input
                {...control}
                name="account"
                type="text"
                autoComplete="off"
                spellCheck={false}
                maxLength={320}
                required
                defaultValue={user}
              />
            )}
          </Field>
          <Button type="submit" isBusy={found.isFetching}>
            Find
          </Button>
        </form>
      </Panel>
      {found.isLoading && <LoadingState label="Counting the account’s content" />}
      {found.isError && !found.isFetching && <ErrorState error={found.error} />}
      {sought === undefined && (
        <EmptyState title="No account is chosen">
          Nothing is erased before you have reviewed the content and typed the user’s id.
        </EmptyState>
      )}
      {found.isSuccess && erase.data === undefined && (
        <AccountToErase
          key={found.data.user_id}
          account={found.data}
          isBusy={erase.isPending}
          error={erase.error}
          onErase={(userId) => erase.mutate(userId)}
        />
      )}
      {erase.data !== undefined && (
        <ErasedList
          erased={erase.data}
          isBusy={erase.isPending}
          onContinue={() => erase.mutate(erase.data.user_id)}
        />
      )}
    </Page>
  );
}
