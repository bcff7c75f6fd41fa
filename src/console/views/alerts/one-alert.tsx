import { useQuery } from '@tanstack/react-query';
import { Link } from 'raviger';
import { useState } from 'react';
import { Page } from '../../ui/page.tsx';
import { RefreshBar } from '../../ui/refresh-bar.tsx';
import { EmptyState, ErrorState, LoadingState } from '../../ui/states.tsx';
import type { AlertRow } from '../../../contracts/console-alerts.ts';
import { useSession } from '../../lib/session.ts';
import { AlertCard } from './alert-card.tsx';
import { alertQuery } from './queries.ts';
import { SilenceList } from './silence-list.tsx';

export function OneAlert({ id, onSilence }: { id: string; onSilence: (alert: AlertRow) => void }) {
  const { supabase } = useSession();
  const [isPaused, setPaused] = useState(false);
  const query = useQuery(alertQuery(supabase, id, isPaused));
  return (
    <Page
      title="Alert"
      lead={<Link href="/alerts">All alerts</Link>}
      actions={
        <RefreshBar
          query={query}
          readAt={query.data === undefined ? undefined : query.dataUpdatedAt}
          isPaused={isPaused}
          onPausedChange={setPaused}
        />
      }
    >
      {query.isError && <ErrorState error={query.error} onRetry={() => void query.refetch()} />}
      {query.isPending && <LoadingState label="Loading the alert" rows={8} />}
      {query.data?.alert === null && (
        <EmptyState title="There is no such alert">
          An alert that recovers before it fires is deleted. Resolved alerts are deleted after their
          retention.
        </EmptyState>
      )}
      {query.data !== undefined && query.data.alert !== null && (
        <AlertCard alert={query.data.alert} onSilence={onSilence} isAlone />
      )}
      <SilenceList silences={query.data?.silences ?? []} />
    </Page>
  );
}
