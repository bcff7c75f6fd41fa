import { canBeRedriven, canBeSent, RETRY } from '../../console/delivery-actions.ts';
import type { OpenDelivery } from '../../contracts/console-deliveries.ts';
import type { CappedCount } from '../../contracts/paging.ts';
import { Button } from '../button.tsx';
import { formatCount, plural } from '../format.ts';
import type { BatchRequest } from './batch-dialog.tsx';
import type { PlanDraft } from './cause-panel.tsx';
import styles from './deliveries.module.css';

/** A plan may name so many events; more are redriven by a filter. */
const MOST_SELECTED = 1000;

export function countText({ count, capped }: CappedCount): string {
  return `${formatCount(count)}${capped ? '+' : ''}`;
}

/** What can be done with the selected, or, while none is, with all that match. */
export function SelectionBar({
  selected,
  sendable,
  areDeadOnly,
  findAll,
  planAll,
  onRequest,
  onPlan,
  onClear,
}: {
  selected: readonly OpenDelivery[];
  /** How many of all that match can be sent; null: that shows when they are counted. */
  sendable: CappedCount | null;
  /** The filter shows dead letters only. */
  areDeadOnly: boolean;
  findAll: BatchRequest['find'];
  /** A plan about all that match. */
  planAll: PlanDraft['filter'];
  onRequest: (request: BatchRequest) => void;
  onPlan: (draft: PlanDraft) => void;
  onClear: () => void;
}) {
  const retriable = selected.filter(canBeSent);
  const redrivable = selected.filter(canBeRedriven);
  const findThese = (deliveries: readonly OpenDelivery[]) => () => Promise.resolve(deliveries);
  if (selected.length === 0) {
    const retryAll: BatchRequest['find'] = async (onCount, signal) =>
      (await findAll(onCount, signal)).filter(canBeSent);
    const isNone = sendable?.count === 0;
    const many = sendable === null || isNone ? '' : ` ${countText(sendable)}`;
    return (
      <>
        <Button size="small" disabled={isNone} onClick={() => onRequest({ action: RETRY, find: retryAll })}>
          Retry all{many}
        </Button>
        {areDeadOnly && (
          <Button
            size="small"
            look="primary"
            disabled={isNone}
            onClick={() =>
              onPlan({
                filter: planAll,
                count: sendable === null ? 'all that match' : `${countText(sendable)} deliveries`,
              })
            }
          >
            Redrive all{many}
          </Button>
        )}
      </>
    );
  }
  return (
    <>
      <span className={styles['selectedCount']} role="status">
        {formatCount(selected.length)} selected
      </span>
      <Button size="small" look="quiet" onClick={onClear}>
        Clear selection
      </Button>
      <Button
        size="small"
        disabled={retriable.length === 0}
        onClick={() => onRequest({ action: RETRY, find: findThese(retriable) })}
      >
        Retry {formatCount(retriable.length)}
      </Button>
      {redrivable.length > 0 && (
        <Button
          size="small"
          look="primary"
          disabled={redrivable.length > MOST_SELECTED}
          onClick={() =>
            onPlan({
              filter: { event_ids: redrivable.map(({ event_id }) => event_id) },
              count: plural(redrivable.length, 'delivery', 'deliveries'),
            })
          }
        >
          Redrive {formatCount(redrivable.length)}
        </Button>
      )}
    </>
  );
}
