import { Link } from 'raviger';
import { eventHref } from '../../lib/links.ts';
import { DeliveryButtons } from '../../ui/delivery-buttons.tsx';
import { hasNotEnded } from '../../lib/job-actions.ts';
import { labelOf } from '../../lib/label-of.ts';
import { shortId } from '../../lib/short-id.ts';
import { StatusBadge } from '../../ui/status-badge.tsx';
import type { OpenDelivery } from '../../../contracts/console-deliveries.ts';
import type { ReportHistory } from '../../../contracts/console-report-history.ts';
import { JobActions } from '../../ui/job-actions.tsx';
import styles from './report.module.css';

/** More are in the list of deliveries. */
const MOST_DELIVERIES = 5;

/** What can be done about a report: with the jobs that are unfinished, the newest one, and what is not delivered. */
export function ReportActions({ history: { jobs, deliveries } }: { history: ReportHistory }) {
  const [newest] = jobs;
  const useful = jobs.filter((job) => hasNotEnded(job) || (job === newest && job.can_repeat));
  const open = deliveries.filter(({ status }) => status !== 'success');
  if (useful.length + open.length === 0) return null;
  return (
    <ul className={`${styles['actions'] ?? ''} no-print`} aria-label="Actions">
      {useful.map((job) => (
        <li key={job.job_id}>
          <StatusBadge status={job.state} />
          <span>{labelOf(job.stage ?? 'job')} job</span>
          <JobActions job={job} />
        </li>
      ))}
      {open.slice(0, MOST_DELIVERIES).map((delivery) => (
        <li key={delivery.id}>
          <StatusBadge status={delivery.dead_at === null ? delivery.status : 'dead letter'} />
          <Link href={eventHref(delivery.event_id)}>{nameOf(delivery)}</Link>
          <DeliveryButtons delivery={delivery} name={`${nameOf(delivery)} ${shortId(delivery.event_id)}`} />
        </li>
      ))}
    </ul>
  );
}

/** Of a deletion there is no stage. */
function nameOf({ stage }: OpenDelivery): string {
  return stage === null ? 'Delivery' : `${labelOf(stage)} delivery`;
}
