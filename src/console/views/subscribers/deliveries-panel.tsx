import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from 'raviger';
import { eventHref, reportHref } from '../../lib/links.ts';
import { Fault } from '../../ui/fault.tsx';
import { NextAttempt } from '../../ui/next-attempt.tsx';
import { plural } from '../../lib/format.ts';
import { MoreButton } from '../../ui/more-button.tsx';
import { Panel } from '../../ui/page.tsx';
import { subjectOf } from '../../lib/subject-of.ts';
import { shortId } from '../../lib/short-id.ts';
import { EmptyState, ErrorState, LoadingState } from '../../ui/states.tsx';
import { StatusBadge } from '../../ui/status-badge.tsx';
import type { OpenDelivery } from '../../../contracts/console-deliveries.ts';
import { deliveriesQuery } from '../../lib/delivery-queries.ts';
import { useSession } from '../../lib/session.ts';
import { useRowKeys, type RowKeys } from '../../ui/use-row-keys.ts';
import styles from './subscribers.module.css';

/**
 * What a subscriber has not confirmed yet, newest first.
 * @param isHeld nothing of it is sent before somebody resumes it
 */
export function DeliveriesPanel({
  id,
  isHeld,
  isPaused,
}: {
  id: string;
  isHeld: boolean;
  isPaused: boolean;
}) {
  const { supabase } = useSession();
  const list = useInfiniteQuery(deliveriesQuery(supabase, { endpoint_id: id }, isPaused));
  const rows = list.data?.pages.flatMap((page) => page.rows) ?? [];
  const keys = useRowKeys(rows.map((row) => row.id));
  const href = (query: Record<string, string>) => `?${new URLSearchParams(query).toString()}`;
  return (
    <Panel
      title="Deliveries that are not confirmed"
      isFlush
      actions={
        <Link className="no-print" href={`/deliveries${href({ endpoint: id })}`}>
          Retry or redrive
        </Link>
      }
    >
      {list.isPending && <LoadingState label="Loading deliveries" rows={4} />}
      {list.isError && <ErrorState error={list.error} onRetry={() => void list.refetch()} />}
      {list.isSuccess && rows.length === 0 && (
        <EmptyState title="No waiting or failed deliveries">
          Confirmed deliveries are in the <Link href={`/audit${href({ search: id })}`}>audit log</Link>.
        </EmptyState>
      )}
      {rows.length > 0 && (
        <table role="table" aria-label="Deliveries" className={`table ${styles['table'] ?? ''}`}>
          <thead role="rowgroup">
            <tr role="row">
              {['Status', 'Report and event', 'Failure reason', 'Next step'].map((name) => (
                <th key={name} role="columnheader" scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody role="rowgroup" {...keys.list}>
            {rows.map((row) => (
              <Row key={row.id} delivery={row} isHeld={isHeld} row={keys.row(row.id)} />
            ))}
          </tbody>
        </table>
      )}
      <MoreButton query={list} />
    </Panel>
  );
}

function Row({ delivery, isHeld, row }: { delivery: OpenDelivery; isHeld: boolean; row: RowKeys }) {
  return (
    <tr role="row" {...row}>
      <td role="cell" className={styles['state']}>
        <StatusBadge status={delivery.dead_at === null ? delivery.status : 'dead letter'} />
        <span className="muted">{plural(delivery.attempts, 'attempt')}</span>
      </td>
      <td role="cell" className={styles['who']}>
        <Link href={eventHref(delivery.event_id)}>{shortId(delivery.event_id)}</Link>
        <Link className="muted" href={reportHref(delivery)}>
          {subjectOf(delivery)}
        </Link>
      </td>
      <td role="cell" className={styles['takes']}>
        <Fault delivery={delivery} />
      </td>
      <td role="cell" className={styles['waiting']}>
        {isHeld && delivery.dead_at === null ? (
          <span>when the subscriber is resumed</span>
        ) : (
          <NextAttempt delivery={delivery} />
        )}
      </td>
    </tr>
  );
}
