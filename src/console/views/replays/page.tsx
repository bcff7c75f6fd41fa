import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { z } from 'zod';
import { CopyLink } from '../../ui/copy-link.tsx';
import { MoreButton } from '../../ui/more-button.tsx';
import { Page, Panel } from '../../ui/page.tsx';
import { EmptyState, ErrorState, LoadingState } from '../../ui/states.tsx';
import { Button } from '../../ui/button.tsx';
import { subscriberId } from '../../../contracts/subscribers.ts';
import { useSession } from '../../lib/session.ts';
import { subscribersQuery } from '../../lib/subscriber-queries.ts';
import { OutwardTabs } from '../../ui/outward-tabs.tsx';
import { useRowKeys } from '../../ui/use-row-keys.ts';
import { useSearch } from '../../lib/use-search.ts';
import { ProposeForm } from './propose-form.tsx';
import { replaysQuery } from './queries.ts';
import { ReplayItem } from './replay-item.tsx';
import styles from './replays.module.css';

const view = z.object({ endpoint: subscriberId.optional().catch(undefined) });

/** Past events, sent to subscribers again by plan: proposed with what it would do, then applied. */
export function Replays() {
  const { supabase } = useSession();
  const [{ endpoint }, change] = useSearch(view);
  const [isOpen, setOpen] = useState(endpoint !== undefined);
  const subscribers = useQuery(subscribersQuery(supabase, true, false));
  const list = useInfiniteQuery(replaysQuery(supabase));
  const replays = list.data?.pages.flatMap(({ rows }) => rows) ?? [];
  const keys = useRowKeys(replays.map(({ id }) => id));
  const all = subscribers.data?.endpoints ?? [];
  return (
    <Page
      title="Replays"
      lead="A plan sends past events again, at a pace that leaves capacity for live events. Nothing is sent before a proposal is applied."
      actions={<CopyLink />}
      tabs={<OutwardTabs current="/replays" />}
    >
      {isOpen ? (
        subscribers.isPending ? (
          <LoadingState label="Loading subscribers" />
        ) : (
          subscribers.data !== undefined && (
            <ProposeForm
              subscribers={all.filter(({ state }) => state !== 'removed')}
              chosen={endpoint}
              onClose={() => {
                setOpen(false);
                change({ endpoint: null });
              }}
            />
          )
        )
      ) : (
        <div className="no-print">
          <Button look="primary" onClick={() => setOpen(true)}>
            Propose a replay
          </Button>
        </div>
      )}
      {subscribers.isError && (
        <ErrorState error={subscribers.error} onRetry={() => void subscribers.refetch()} />
      )}
      {list.isError && <ErrorState error={list.error} onRetry={() => void list.refetch()} />}
      <Panel title="Proposed and applied">
        {list.isPending && <LoadingState label="Loading replays" rows={6} />}
        {list.isSuccess && replays.length === 0 && (
          <EmptyState title="No replay yet">
            A replay is for a receiver that lost events, or for a new one that needs earlier events.
          </EmptyState>
        )}
        {replays.length > 0 && (
          <ul className={styles['replays']} aria-label="Replays" {...keys.list}>
            {replays.map((plan) => (
              <ReplayItem key={plan.id} plan={plan} subscribers={all} row={keys.row(plan.id)} />
            ))}
          </ul>
        )}
        <MoreButton query={list} />
      </Panel>
    </Page>
  );
}
