import { useQuery } from '@tanstack/react-query';
import { Link } from 'raviger';
import { causesQuery } from './queries.ts';
import type { PlanDraft } from './plan-filter.ts';
import { ActionIcon } from '../../ui/action-icon.tsx';
import { useRowKeys, type RowKeys } from '../../ui/use-row-keys.ts';
import { useSession } from '../../lib/session.ts';
import type { DeliveryCause } from '../../../contracts/console-deliveries.ts';
import type { PlanFilter } from '../../../contracts/plans.ts';
import { Button } from '../../ui/button.tsx';
import { formatCount, plural } from '../../lib/format.ts';
import { Panel } from '../../ui/page.tsx';
import { RelativeTime } from '../../ui/relative-time.tsx';
import { ErrorState } from '../../ui/states.tsx';
import styles from './deliveries.module.css';

/** What failed alike, the largest group first: each leads to its rows, and can be redriven whole. */
export function CausePanel({
  isPaused,
  onRedrive,
}: {
  isPaused: boolean;
  onRedrive: (draft: PlanDraft) => void;
}) {
  const { supabase } = useSession();
  const query = useQuery(causesQuery(supabase, isPaused));
  const keys = useRowKeys(query.data?.causes.map(idOf) ?? []);
  if (query.isError && query.data === undefined) {
    return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  }
  // Without a failure the list below says so.
  if (query.data === undefined || query.data.causes.length === 0) return null;
  const { causes, truncated } = query.data;
  return (
    <Panel title="Failures by cause" isFlush>
      <table role="table" aria-label="Failures by cause" className={`table ${styles['causes'] ?? ''}`}>
        <thead role="rowgroup">
          <tr role="row">
            {['Cause', 'Endpoint', 'Deliveries', 'First event', 'Last attempt', 'Actions'].map((name) => (
              <th key={name} role="columnheader" scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup" {...keys.list}>
          {causes.map((cause) => (
            <CauseRow key={idOf(cause)} cause={cause} row={keys.row(idOf(cause))} onRedrive={onRedrive} />
          ))}
        </tbody>
      </table>
      {truncated && (
        <p className={styles['note']}>
          There are more groups: these are the largest ones of the newest deliveries.
        </p>
      )}
    </Panel>
  );
}

function CauseRow({
  cause,
  row,
  onRedrive,
}: {
  cause: DeliveryCause;
  row: RowKeys;
  onRedrive: (draft: PlanDraft) => void;
}) {
  const { deliveries, dead, endpoint_id, response_status, first_at, last_at } = cause;
  return (
    <tr role="row" {...row}>
      <td role="cell" className={styles['causeWords']}>
        {response_status !== null && <span className={styles['code']}>{response_status}</span>}
        <Link href={hrefOf(cause)} className="foreign">
          {cause.cause}
        </Link>
      </td>
      <td role="cell" className="foreign">
        {endpoint_id}
      </td>
      <td role="cell" className="nowrap">
        <strong>{formatCount(deliveries)}</strong>
        <span className="muted">
          {dead === 0 ? ' waiting' : dead === deliveries ? ' dead' : `, ${formatCount(dead)} of them dead`}
        </span>
      </td>
      <td role="cell" className="nowrap">
        <span className="narrow-only muted">first event </span>
        <RelativeTime value={first_at} />
      </td>
      <td role="cell" className="nowrap">
        <span className="narrow-only muted">last attempt </span>
        {last_at === null ? 'none' : <RelativeTime value={last_at} />}
      </td>
      <td role="cell" className={styles['actions']}>
        {dead > 0 && (
          <Button
            size="small"
            look="quiet"
            aria-label={`Redrive ${plural(dead, 'delivery', 'deliveries')}: ${cause.cause} at ${endpoint_id}`}
            onClick={() =>
              onRedrive({
                kind: 'redrive',
                filters: [filterOf(cause)],
                count: plural(dead, 'delivery', 'deliveries'),
              })
            }
          >
            <ActionIcon name="redrive" /> Redrive {formatCount(dead)}
          </Button>
        )}
      </td>
    </tr>
  );
}

function idOf(cause: DeliveryCause): string {
  return JSON.stringify(filterOf(cause));
}

function filterOf({ endpoint_id, response_status, cause }: DeliveryCause): PlanFilter {
  return { endpoint_id, response_status: response_status?.toString() ?? 'none', cause };
}

function hrefOf({ endpoint_id, response_status, cause }: DeliveryCause): string {
  const answer = response_status?.toString() ?? 'none';
  return `/deliveries?${new URLSearchParams({ endpoint: endpoint_id, answer, cause }).toString()}`;
}
