import { Link } from 'raviger';
import { labelOf } from '../../lib/label-of.ts';
import { RelativeTime } from '../../ui/relative-time.tsx';
import { StatusBadge } from '../../ui/status-badge.tsx';
import { eventHref, reportHref } from '../../lib/links.ts';
import type { OperatorReport } from '../../../contracts/console-operator-reports.ts';
import { useRowKeys, type RowKeys } from '../../ui/use-row-keys.ts';
import styles from './reports.module.css';

export function ReportTable({ reports }: { reports: readonly OperatorReport[] }) {
  const keys = useRowKeys(reports.map(({ id }) => id));
  // The roles are said again: on a phone the cells are laid out as cards, which takes a table's meaning away.
  return (
    <table role="table" aria-label="Reports" className={`table ${styles['table'] ?? ''}`}>
      <thead role="rowgroup">
        <tr role="row">
          {['Report and owner', 'Stage', 'Research', 'Delivery', 'Last change'].map((name) => (
            <th key={name} role="columnheader" scope="col">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup" {...keys.list}>
        {reports.map((report) => (
          <Row key={report.id} report={report} row={keys.row(report.id)} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ report, row }: { report: OperatorReport; row: RowKeys }) {
  const { id, report_type, title, user_id, owner_email, stage, research_status, updated_at } = report;
  return (
    <tr role="row" {...row}>
      <td role="cell" className={styles['report']}>
        <Link className="clamped" dir="auto" href={reportHref({ report_type, report_id: id })}>
          {title ?? 'Untitled'}
        </Link>
        <span className="muted">{labelOf(report_type)}</span>
        <Link className={`${styles['owner'] ?? ''} foreign`} href={`/reports?owner=${user_id}`}>
          {owner_email ?? user_id}
        </Link>
      </td>
      <td role="cell">{stage ?? <span className="muted">no text yet</span>}</td>
      <td role="cell" className={styles['research']}>
        <StatusBadge status={research_status} />
        <Job report={report} />
      </td>
      <td role="cell" className={styles['delivery']}>
        <Delivery report={report} />
      </td>
      <td role="cell" className="nowrap">
        <RelativeTime value={updated_at} />
      </td>
    </tr>
  );
}

/** What the newest job says beyond the report's own status. */
function Job({ report: { job, user_id } }: { report: OperatorReport }) {
  if (job === null) return <span className="muted">never requested</span>;
  if (job.state === 'failed' && job.error !== null) {
    return <span className={`${styles['error'] ?? ''} foreign`}>job failed: {job.error}</span>;
  }
  if (job.state === 'succeeded') return null;
  return <Link href={`/jobs?owner=${user_id}`}>job {job.state}</Link>;
}

function Delivery({ report: { delivery } }: { report: OperatorReport }) {
  if (delivery === null) return <span className="muted">none</span>;
  const { event_id, status, next_attempt, dead_at, error } = delivery;
  return (
    <>
      <Link href={eventHref(event_id)} className={styles['plainLink']}>
        <StatusBadge status={dead_at === null ? status : 'dead letter'} />
      </Link>
      {status !== 'success' && error !== null && (
        <span className={`${styles['error'] ?? ''} foreign`}>{error}</span>
      )}
      {next_attempt !== null && (
        <span className="muted nowrap">
          due <RelativeTime value={next_attempt} />
        </span>
      )}
    </>
  );
}
