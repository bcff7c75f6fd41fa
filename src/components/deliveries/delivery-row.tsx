import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from 'raviger';
import {
  canBeRedriven,
  canBeSent,
  isDead,
  redrive,
  retry,
  type DeliveryAction,
  type Outcome,
} from '../../console/delivery-actions.ts';
import { OPERATOR_KEY } from '../../console/operator-queries.ts';
import { useSession } from '../../console/session.ts';
import { notify } from '../../console/toasts.ts';
import { ActionIcon } from '../../console/ui/action-icon.tsx';
import type { RowKeys } from '../../console/ui/use-row-keys.ts';
import type { OpenDelivery } from '../../contracts/console-deliveries.ts';
import { eventHref } from '../audit/links.ts';
import { Button } from '../button.tsx';
import { plural } from '../format.ts';
import { labelOf } from '../label-of.ts';
import { RelativeTime } from '../relative-time.tsx';
import { reportHref } from '../report/links.ts';
import { shortId } from '../short-id.ts';
import { StatusBadge } from '../status-badge.tsx';
import { Fault } from './fault.tsx';
import { NextAttempt } from './next-attempt.tsx';
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
  const name = `${labelOf(delivery.report_type)}, ${delivery.stage}, ${delivery.report_id.slice(0, 8)}`;
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
        <Link href={reportHref(delivery)}>
          {labelOf(delivery.report_type)}, {delivery.stage}
        </Link>
        <Link href={eventHref(delivery.event_id)} className={styles['event']} title={delivery.event_id}>
          {shortId(delivery.event_id)}
        </Link>
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
        <Actions delivery={delivery} name={name} />
      </td>
    </tr>
  );
}

function Actions({ delivery, name }: { delivery: OpenDelivery; name: string }) {
  const { supabase } = useSession();
  const client = useQueryClient();
  const act = useMutation({
    mutationFn: (action: DeliveryAction) => action(supabase, delivery),
    onSuccess: (outcome) => {
      tell(name, outcome);
      return client.invalidateQueries({ queryKey: OPERATOR_KEY });
    },
  });
  if (!canBeSent(delivery)) {
    const isLost = delivery.dead_reason === 'import';
    return (
      <span className="muted">Closed: {isLost ? 'request the report again' : 'nothing left to do'}</span>
    );
  }
  return (
    <>
      <Button
        size="small"
        look="quiet"
        isBusy={act.isPending && act.variables === retry}
        disabled={act.isPending}
        aria-label={`Retry ${name}`}
        onClick={() => act.mutate(retry)}
      >
        <ActionIcon name="retry" /> Retry
      </Button>
      {canBeRedriven(delivery) && (
        <Button
          size="small"
          look="quiet"
          isBusy={act.isPending && act.variables === redrive}
          disabled={act.isPending}
          aria-label={`Redrive ${name}`}
          onClick={() => act.mutate(redrive)}
        >
          <ActionIcon name="redrive" /> Redrive
        </Button>
      )}
    </>
  );
}

function tell(name: string, { kind, word, detail }: Outcome): void {
  const kinds = { good: 'success', none: 'info', bad: 'error' } as const;
  notify({ kind: kinds[kind], title: `${name}: ${word}`, text: detail });
}
