import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link } from 'raviger';
import { useState } from 'react';
import { Button } from '../../ui/button.tsx';
import { MoreButton } from '../../ui/more-button.tsx';
import { Page, Panel } from '../../ui/page.tsx';
import { RefreshBar } from '../../ui/refresh-bar.tsx';
import { RelativeTime } from '../../ui/relative-time.tsx';
import { EmptyState, ErrorState, LoadingState } from '../../ui/states.tsx';
import { wordsOf } from '../../../contracts/alerts.ts';
import type { AlertRow } from '../../../contracts/console-alerts.ts';
import { statusQuery } from '../../lib/operator-queries.ts';
import { useSession } from '../../lib/session.ts';
import { AlertCard } from './alert-card.tsx';
import { alertHref, alertName } from './alert-name.ts';
import styles from './alerts.module.css';
import { NotificationSwitch } from './notification-switch.tsx';
import { alertsQuery } from './queries.ts';
import { SilenceList } from './silence-list.tsx';

export function AlertList({ onSilence }: { onSilence: (what: AlertRow | 'all') => void }) {
  const { supabase } = useSession();
  const [isPaused, setPaused] = useState(false);
  const list = useInfiniteQuery(alertsQuery(supabase, isPaused));
  const [first] = list.data?.pages ?? [];
  const open = first?.open ?? [];
  const firing = open.filter(({ state, silenced_until }) => state === 'firing' && silenced_until === null);
  const silenced = open.filter(({ state, silenced_until }) => state === 'firing' && silenced_until !== null);
  const pending = open.filter(({ state }) => state === 'pending');
  const resolved = list.data?.pages.flatMap(({ rows }) => rows) ?? [];
  return (
    <Page
      title="Alerts"
      lead={<Evaluated />}
      actions={
        <>
          <Button size="small" onClick={() => onSilence('all')}>
            Silence all
          </Button>
          <RefreshBar query={list} readAt={first?.readAt} isPaused={isPaused} onPausedChange={setPaused} />
        </>
      }
    >
      <NotificationSwitch />
      {list.isError && <ErrorState error={list.error} onRetry={() => void list.refetch()} />}
      {list.isPending && <LoadingState label="Loading alerts" rows={8} />}
      {list.isSuccess && (
        <>
          <Panel title={`Firing, ${firing.length}`} isFlush>
            {firing.length === 0 && (
              <EmptyState title="No alert is firing">
                <Evaluated />
              </EmptyState>
            )}
            <Cards alerts={firing} onSilence={onSilence} />
          </Panel>
          {silenced.length > 0 && (
            <Panel title={`Firing and silenced, ${silenced.length}`} isFlush>
              <Cards alerts={silenced} onSilence={onSilence} />
            </Panel>
          )}
          {pending.length > 0 && (
            <Panel title={`Pending, ${pending.length}`} isFlush>
              <Cards alerts={pending} onSilence={onSilence} />
            </Panel>
          )}
          <SilenceList silences={first?.silences ?? []} />
          <Panel title="Resolved" isFlush>
            {resolved.length === 0 && (
              <EmptyState title="No alert has resolved yet">Resolved alerts show here.</EmptyState>
            )}
            {resolved.length > 0 && (
              <ul className={styles['rows']} aria-label="Resolved">
                {resolved.map((alert) => (
                  <Resolved key={alert.id} alert={alert} />
                ))}
              </ul>
            )}
            <MoreButton query={list} />
          </Panel>
        </>
      )}
    </Page>
  );
}

/** That nothing fires says something only when the rules are evaluated. */
function Evaluated() {
  const { supabase } = useSession();
  const { data } = useQuery(statusQuery(supabase));
  if (data === undefined) return 'Each sweep evaluates every rule.';
  const { evaluated_at } = data.alerts;
  if (evaluated_at === null) return 'The rules were never evaluated: no sweep has run yet.';
  return (
    <>
      The rules were last evaluated <RelativeTime value={evaluated_at} />.
    </>
  );
}

function Cards({ alerts, onSilence }: { alerts: readonly AlertRow[]; onSilence: (alert: AlertRow) => void }) {
  return alerts.map((alert) => <AlertCard key={alert.id} alert={alert} onSilence={onSilence} />);
}

function Resolved({ alert }: { alert: AlertRow }) {
  return (
    <li className={styles['row']}>
      <span className={styles['words']}>
        <Link href={alertHref(alert.id)}>{alertName(alert)}</Link>
        <span>{wordsOf(alert.rule).says({ ...alert, value: alert.last_value })}</span>
        <span className="muted">
          began <RelativeTime value={alert.pending_since} />
          {alert.resolved_at !== null && (
            <>
              , resolved <RelativeTime value={alert.resolved_at} />
            </>
          )}
        </span>
      </span>
    </li>
  );
}
