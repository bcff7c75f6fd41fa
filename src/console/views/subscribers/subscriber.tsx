import { useQuery } from '@tanstack/react-query';
import { Link, usePath } from 'raviger';
import { useState } from 'react';
import { CopyLink } from '../../ui/copy-link.tsx';
import { CopyableId } from '../../ui/copyable-id.tsx';
import { Fact, Facts } from '../../ui/facts.tsx';
import { plural } from '../../lib/format.ts';
import { Page, Panel } from '../../ui/page.tsx';
import { RefreshBar } from '../../ui/refresh-bar.tsx';
import { RelativeTime } from '../../ui/relative-time.tsx';
import { EmptyState, ErrorState, LoadingState } from '../../ui/states.tsx';
import { StatusBadge } from '../../ui/status-badge.tsx';
import { ActorName } from '../../ui/actor-name.tsx';
import { subscriberId, type SubscriberView } from '../../../contracts/subscribers.ts';
import { statusQuery } from '../../lib/operator-queries.ts';
import { useSession } from '../../lib/session.ts';
import { VerdictBox } from '../../ui/verdict-box.tsx';
import { CheckPanel } from './check-panel.tsx';
import { DeliveriesPanel } from './deliveries-panel.tsx';
import { FilterTestPanel } from './filter-test-panel.tsx';
import { HistoryPanel } from './history-panel.tsx';
import { subscriberQuery } from './queries.ts';
import { SettingsPanel } from './settings-panel.tsx';
import { SubscriberActions } from './subscriber-actions.tsx';
import { hostOf } from '../../lib/subscriber-words.ts';
import styles from './subscribers.module.css';
import { verdictOfSubscriber } from './verdict.ts';
import { VersionTestPanel } from './version-test-panel.tsx';
import { stateOf } from './words.ts';

/** One subscriber: how it stands, what can be done, its settings, and what it was sent. */
export function Subscriber() {
  const path = usePath() ?? '';
  const id = subscriberId.safeParse(path.slice(path.lastIndexOf('/') + 1));
  if (id.success) return <OneSubscriber id={id.data} />;
  return (
    <Page title="Subscriber" lead={<Link href="/subscribers">All subscribers</Link>}>
      <EmptyState title="Invalid id of a subscriber">
        An id is ep- and 16 letters or digits. Choose one from the list.
      </EmptyState>
    </Page>
  );
}

function OneSubscriber({ id }: { id: string }) {
  const { supabase } = useSession();
  const [isPaused, setPaused] = useState(false);
  const query = useQuery(subscriberQuery(supabase, id, isPaused));
  // The line on top of each view reads it anyway.
  const status = useQuery(statusQuery(supabase));
  const lastSuccess = status.data?.endpoints.find(({ endpoint_id }) => endpoint_id === id)?.last_success;
  const subscriber = query.data?.endpoint;
  return (
    <Page
      title={subscriber === undefined ? 'Subscriber' : hostOf(subscriber.settings.url)}
      lead={
        <span className="foreign">
          {subscriber !== undefined &&
            subscriber.settings.description !== '' &&
            `${subscriber.settings.description} · `}
          <Link href="/subscribers">All subscribers</Link>
        </span>
      }
      actions={
        <div className={`${styles['buttons'] ?? ''} no-print`}>
          <Link href={`/replays?endpoint=${id}`}>Replay past events</Link>
          <Link href={`/audit?${new URLSearchParams({ search: id }).toString()}`}>Audit</Link>
          <CopyLink />
          <RefreshBar
            query={query}
            readAt={query.data === undefined ? undefined : query.dataUpdatedAt}
            isPaused={isPaused}
            onPausedChange={setPaused}
          />
        </div>
      }
    >
      {query.isPending && <LoadingState label="Loading the subscriber" rows={10} />}
      {query.isError && (
        <ErrorState
          error={query.error}
          onRetry={() => void query.refetch()}
          isRefresh={query.data !== undefined}
        />
      )}
      {query.data !== undefined && subscriber !== undefined && (
        <>
          <VerdictBox {...verdictOfSubscriber(subscriber, lastSuccess)}>
            <SubscriberActions subscriber={subscriber} />
          </VerdictBox>
          <div className={styles['columns']}>
            <div className={styles['column']}>
              <SettingsPanel subscriber={subscriber} />
              <DeliveriesPanel id={id} isHeld={subscriber.state === 'paused'} isPaused={isPaused} />
              {/* On paper there is nothing to try, and what was tried is not kept. */}
              <div className={`${styles['column'] ?? ''} no-print`}>
                {subscriber.settings.filter !== null && (
                  <FilterTestPanel filter={subscriber.settings.filter} />
                )}
                {subscriber.state !== 'removed' && (
                  <VersionTestPanel id={id} present={subscriber.settings.format_version} />
                )}
              </div>
            </div>
            <div className={styles['column']}>
              <SubscriberFacts subscriber={subscriber} />
              <CheckPanel subscriber={subscriber} />
              <HistoryPanel history={query.data.history} />
            </div>
          </div>
        </>
      )}
    </Page>
  );
}

function SubscriberFacts({ subscriber }: { subscriber: SubscriberView }) {
  const { endpoint_id, created_at, created_by, verified_at, in_flight_allowed, secrets } = subscriber;
  return (
    <Panel title="The subscriber">
      <Facts>
        <Fact name="Id">
          <CopyableId id={endpoint_id} what="subscriber id" />
        </Fact>
        <Fact name="State">
          <StatusBadge status={stateOf(subscriber)} />
        </Fact>
        <Fact name="Created">
          <RelativeTime value={created_at} /> by <ActorName id={created_by} />
        </Fact>
        <Fact name="First check">
          {verified_at === null ? (
            'not passed yet'
          ) : (
            <>
              passed <RelativeTime value={verified_at} />
            </>
          )}
        </Fact>
        <Fact name="Concurrency">at most {plural(in_flight_allowed, 'request')} at once</Fact>
        {secrets.map(({ id, created_at: made, expires_at }, index) => (
          <Fact key={id} name={index === 0 ? 'Secret' : 'Previous secret'}>
            created <RelativeTime value={made} />
            {expires_at !== null && (
              <>
                , also signs until <RelativeTime value={expires_at} />
              </>
            )}
          </Fact>
        ))}
      </Facts>
    </Panel>
  );
}
