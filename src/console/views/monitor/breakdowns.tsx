import { Link } from 'raviger';
import type { Direction } from '../../../contracts/console-audit.ts';
import type { WebhookStatistics } from '../../../contracts/console-statistics.ts';
import { formatCount, formatShare } from '../../lib/format.ts';
import { labelOf } from '../../lib/label-of.ts';
import { Panel } from '../../ui/page.tsx';
import { StatusBadge } from '../../ui/status-badge.tsx';
import { isRateLow } from './crossings.ts';
import styles from './monitor.module.css';
import { timeFields } from './time-fields.ts';

const STATUSES = [
  { status: 'success', name: 'success', href: null },
  { status: 'pending', name: 'pending', href: '/deliveries?status=pending' },
  { status: 'sent', name: 'sent', href: '/deliveries?status=sent' },
  { status: 'retrying', name: 'retrying', href: '/deliveries?status=retrying' },
  { status: 'failed', name: 'failed', href: '/deliveries?status=failed' },
  { status: 'dead', name: 'dead letter', href: '/deliveries?status=dead' },
] as const;

/** Totals by status, by report type and by outcome. Each leads to what it counts. */
export function Breakdowns({ statistics }: { statistics: WebhookStatistics }) {
  const time = timeFields(statistics);
  return (
    <div className={styles['breakdowns']}>
      <Panel title="Deliveries by status" isFlush>
        <table className="table">
          <thead>
            <tr>
              <th scope="col">Status</th>
              <th scope="col" className="number">
                Count
              </th>
            </tr>
          </thead>
          <tbody>
            {STATUSES.map(({ status, name, href }) => (
              <tr key={status}>
                <td>
                  <Link href={href ?? auditHref('out', 'delivered', time)} className={styles['plainLink']}>
                    <StatusBadge status={name} />
                  </Link>
                  {status === 'success' && <span className="muted"> in this time</span>}
                </td>
                <td className="number">{formatCount(statistics.by_status[status])}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Panel>
      <Panel title="By report type" isFlush>
        <div className={styles['scroll']} tabIndex={0} role="region" aria-label="By report type, table">
          <table className="table">
            <thead>
              <tr>
                <th scope="col">Type</th>
                <th scope="col" className="number">
                  Attempts
                </th>
                <th scope="col" className="number">
                  Success
                </th>
                <th scope="col" className="number">
                  Waiting
                </th>
                <th scope="col" className="number">
                  Dead
                </th>
              </tr>
            </thead>
            <tbody>
              {statistics.by_report_type.map((row) => (
                <tr key={row.report_type}>
                  <td>
                    <Link href={`/deliveries?type=${row.report_type}`}>{labelOf(row.report_type)}</Link>
                  </td>
                  <td className="number">{formatCount(row.total)}</td>
                  <td className="number" data-crossed={isRateLow(row)}>
                    {formatShare(row.success_rate)}
                  </td>
                  <td className="number">{formatCount(row.waiting)}</td>
                  <td className="number" data-crossed={row.dead > 0}>
                    {formatCount(row.dead)}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </Panel>
      <Outcomes outcomes={statistics.by_outcome} time={time} />
    </div>
  );
}

function auditHref(direction: Direction, outcome: string, time: Record<string, string>): string {
  return `/audit?${new URLSearchParams({ outcome, direction, ...time }).toString()}`;
}

function Outcomes({
  outcomes,
  time,
}: {
  outcomes: WebhookStatistics['by_outcome'];
  time: Record<string, string>;
}) {
  return (
    <Panel title="Outcomes in this time" isFlush>
      {outcomes.length === 0 && <p className={styles['none']}>No attempt and no request yet.</p>}
      {outcomes.length > 0 && (
        <div className={styles['scroll']} tabIndex={0} role="region" aria-label="Outcomes, table">
          <table className="table">
            <thead>
              <tr>
                <th scope="col">Outcome</th>
                <th scope="col">Direction</th>
                <th scope="col" className="number">
                  Count
                </th>
              </tr>
            </thead>
            <tbody>
              {outcomes.map(({ direction, outcome, count }) => (
                <tr key={`${direction} ${outcome}`}>
                  <td>
                    <Link href={auditHref(direction, outcome, time)} className={styles['plainLink']}>
                      <StatusBadge status={outcome} />
                    </Link>
                  </td>
                  <td className="muted">{direction === 'out' ? 'sent' : 'received'}</td>
                  <td className="number">{formatCount(count)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {outcomes.some(({ direction }) => direction === 'in') && (
        <p className={styles['tableNote']}>
          “Received” counts requests of senders to the webhooks. The audit log also has requests of operators
          and the cron.
        </p>
      )}
    </Panel>
  );
}
