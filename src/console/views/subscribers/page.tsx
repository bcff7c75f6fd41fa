import { useQuery } from '@tanstack/react-query';
import { Link } from 'raviger';
import { useState } from 'react';
import { z } from 'zod';
import { CopyLink } from '../../ui/copy-link.tsx';
import { plural } from '../../lib/format.ts';
import { Page, Panel } from '../../ui/page.tsx';
import { RefreshBar } from '../../ui/refresh-bar.tsx';
import { EmptyState, ErrorState, LoadingState } from '../../ui/states.tsx';
import { useSession } from '../../lib/session.ts';
import { subscribersQuery } from '../../lib/subscriber-queries.ts';
import { OutwardTabs } from '../../ui/outward-tabs.tsx';
import { useSearch } from '../../lib/use-search.ts';
import { SubscriberTable } from './subscriber-table.tsx';
import styles from './subscribers.module.css';

const view = z.object({ removed: z.literal('shown').optional().catch(undefined) });

/** The other systems that are sent our events, and how each of them stands. */
export function Subscribers() {
  const { supabase } = useSession();
  const [{ removed }, change] = useSearch(view);
  const [isPaused, setPaused] = useState(false);
  const query = useQuery(subscribersQuery(supabase, removed === 'shown', isPaused));
  const subscribers = query.data?.endpoints ?? [];
  return (
    <Page
      title="Subscribers"
      lead="Other systems that receive our events, signed and in the order of each report. A subscriber that is paused or down loses no events."
      actions={
        <>
          <CopyLink />
          <RefreshBar
            query={query}
            readAt={query.data === undefined ? undefined : query.dataUpdatedAt}
            isPaused={isPaused}
            onPausedChange={setPaused}
          />
        </>
      }
      tabs={<OutwardTabs current="/subscribers" />}
    >
      {query.isError && (
        <ErrorState
          error={query.error}
          onRetry={() => void query.refetch()}
          isRefresh={query.data !== undefined}
        />
      )}
      <Panel
        title={query.data === undefined ? 'Subscribers' : plural(subscribers.length, 'subscriber')}
        isFlush
        actions={
          <>
            <label className={styles['check']}>
              <input
                type="checkbox"
                checked={removed === 'shown'}
                onChange={(event) => change({ removed: event.target.checked ? 'shown' : null })}
              />
              Show removed
            </label>
            <Link className={`${styles['add'] ?? ''} no-print`} href="/subscribers/new">
              New subscriber
            </Link>
          </>
        }
      >
        {query.isPending && <LoadingState label="Loading subscribers" rows={6} />}
        {query.isSuccess && subscribers.length === 0 && (
          <EmptyState title="No subscriber yet">
            A subscriber is a URL of another system. It receives events after it passes a check.{' '}
            <Link href="/subscribers/new">Add a subscriber</Link>
          </EmptyState>
        )}
        {subscribers.length > 0 && <SubscriberTable subscribers={subscribers} />}
      </Panel>
    </Page>
  );
}
