import { Link } from 'raviger';
import { isDead } from '../../lib/delivery-actions.ts';
import type { RowKeys } from '../../ui/use-row-keys.ts';
import type { OpenDelivery } from '../../../contracts/console-deliveries.ts';
import { subscriberId } from '../../../contracts/subscribers.ts';
import { eventHref, reportHref } from '../../lib/links.ts';
import { plural } from '../../lib/format.ts';
import { RelativeTime } from '../../ui/relative-time.tsx';
import { subjectOf } from '../../lib/subject-of.ts';
import { shortId } from '../../lib/short-id.ts';
import { StatusBadge } from '../../ui/status-badge.tsx';
import { DeliveryButtons } from '../../ui/delivery-buttons.tsx';
import { Fault } from '../../ui/fault.tsx';
import { NextAttempt } from '../../ui/next-attempt.tsx';
import styles from './deliveries.module.css';

export function DeliveryRow({
  delivery,
  row,
  isSelected,
  onSelect,
}: {
  delivery: OpenDelivery;
  row: RowKeys;
  isSelected: boolean;
  onSelect: (isSelected: boolean) => void;
}) {
  const { endpoint_id: endpoint } = delivery;
  const isOutward = subscriberId.safeParse(endpoint).success;
  const name = `${subjectOf(delivery)}, ${delivery.report_id.slice(0, 8)}, to ${endpoint}`;
  // The roles are said again: on a phone the cells are laid out as cards, which takes a table's meaning away.
  return (
    <tr role="row" {...row} data-selected={isSelected}>
      <td role="cell" className={styles['select']}>
        <input
          type="checkbox"
          aria-label={`Select ${name}`}
          checked={isSelected}
          onChange={(event) => onSelect(event.target.checked)}
        />
      </td>
      <td role="cell" className={styles['status']}>
        <StatusBadge status={isDead(delivery) ? 'dead letter' : delivery.status} />
      </td>
      <td role="cell" className={styles['report']}>
        <Link href={reportHref(delivery)}>{subjectOf(delivery)}</Link>
        <Link href={eventHref(delivery.event_id)} className={styles['event']} title={delivery.event_id}>
          {shortId(delivery.event_id)}
        </Link>
        {isOutward && (
          <span className={styles['event']}>
            to <Link href={`/subscribers/${endpoint}`}>{endpoint}</Link>
          </span>
        )}
      </td>
      <td role="cell" className={styles['fault']}>
        <Fault delivery={delivery} />
      </td>
      <td role="cell" className={styles['attempts']}>
        <span className="nowrap">{plural(delivery.attempts, 'attempt')}</span>
        {delivery.last_attempt !== null && (
          <span className="muted nowrap">
            last <RelativeTime value={delivery.last_attempt} />
          </span>
        )}
      </td>
      <td role="cell" className={styles['next']}>
        <NextAttempt delivery={delivery} />
      </td>
      <td role="cell" className={styles['actions']}>
        <DeliveryButtons delivery={delivery} name={name} />
      </td>
    </tr>
  );
}
