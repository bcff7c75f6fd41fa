import { Link } from 'raviger';
import type { AuditEntry } from '../../../contracts/console-audit.ts';
import { useRowKeys } from '../../ui/use-row-keys.ts';
import { ActorName } from '../../ui/actor-name.tsx';
import { formatDuration } from '../../lib/format.ts';
import { labelOf } from '../../lib/label-of.ts';
import { RelativeTime } from '../../ui/relative-time.tsx';
import { shortId } from '../../lib/short-id.ts';
import { StatusBadge } from '../../ui/status-badge.tsx';
import styles from './audit.module.css';

/** The log, newest first. `hrefOf` is where a row opens; `opened` is the one that is open. */
export function AuditTable({
  entries,
  opened,
  hrefOf,
  onEscape,
}: {
  entries: readonly AuditEntry[];
  opened: string | undefined;
  hrefOf: (entry: AuditEntry) => string;
  /** Esc was pressed at a row. */
  onEscape?: (() => void) | undefined;
}) {
  const keys = useRowKeys(
    entries.map(({ id }) => id),
    onEscape,
  );
  return (
    <table role="table" aria-label="Audit log" className={`table ${styles['table'] ?? ''}`}>
      <thead role="rowgroup">
        <tr role="row">
          {['When', 'Endpoint', 'Outcome', 'Answer', 'Event or report', 'Took'].map((name) => (
            <th key={name} role="columnheader" scope="col">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup" {...keys.list}>
        {entries.map((entry) => (
          <tr key={entry.id} role="row" {...keys.row(entry.id)} data-opened={entry.id === opened}>
            <td role="cell" className={styles['when']}>
              <Link
                id={`audit-${entry.id}`}
                href={hrefOf(entry)}
                className={styles['open']}
                aria-current={entry.id === opened ? 'true' : undefined}
              >
                <span className="visually-hidden">
                  {entry.direction === 'out' ? 'Attempt' : 'Request'}{' '}
                  {entry.outcome?.replaceAll('_', ' ')}{' '}
                </span>
                <RelativeTime value={entry.created_at} />
              </Link>
            </td>
            <td role="cell" className={styles['endpoint']}>
              <span className={styles['direction']} title={entry.direction === 'out' ? 'Sent' : 'Received'}>
                <span aria-hidden>{entry.direction === 'out' ? '↗' : '↙'}</span>
                <span className="visually-hidden">
                  {entry.direction === 'out' ? 'Sent to' : 'Received at'}{' '}
                </span>
              </span>
              <span className="foreign">{entry.endpoint ?? entry.endpoint_id ?? 'unknown'}</span>
            </td>
            <td role="cell" className={styles['outcome']}>
              <StatusBadge status={entry.outcome ?? 'unknown'} />
            </td>
            <td role="cell" className={styles['answer']}>
              <span className={styles['code']} data-bad={(entry.response_status ?? 0) >= 400}>
                {entry.response_status ?? '–'}
              </span>
              {entry.error_message !== null && (
                <span className={`${styles['error'] ?? ''} foreign`} title={entry.error_message}>
                  {entry.error_message}
                </span>
              )}
            </td>
            <td role="cell" className={styles['subject']}>
              <Subject entry={entry} />
            </td>
            <td role="cell" className={styles['took']}>
              {formatDuration(entry.duration_ms)}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Subject({ entry: { event_id, report_id, report_type, actor } }: { entry: AuditEntry }) {
  const id = event_id ?? report_id;
  return (
    <span className={styles['ids']}>
      {report_type !== null && <span>{labelOf(report_type)}</span>}
      {id !== null && (
        <span className={styles['id']} title={id}>
          {shortId(id)}
        </span>
      )}
      {id === null && actor === null && <span className="muted">not verified</span>}
      {actor !== null && (
        <span className="muted">
          by <ActorName id={actor} />
        </span>
      )}
    </span>
  );
}
