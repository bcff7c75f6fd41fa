import { canBeSent, isDead } from '../../lib/delivery-actions.ts';
import { selectionFilters, type PlanDraft } from './plan-filter.ts';
import type { OpenDelivery } from '../../../contracts/console-deliveries.ts';
import type { CappedCount } from '../../../contracts/paging.ts';
import type { PlanFilter } from '../../../contracts/plans.ts';
import { Button } from '../../ui/button.tsx';
import { formatCount, plural } from '../../lib/format.ts';
import { labelOf } from '../../lib/label-of.ts';
import styles from './deliveries.module.css';

/** A plan may name so many events; more are found by a filter. */
const MOST_SELECTED = 1000;

export function countText({ count, capped }: CappedCount): string {
  return `${formatCount(count)}${capped ? '+' : ''}`;
}

/**
 * What can be done with the selected, or, while none is, with all that match. Dead letters are redriven; where others are
 * among them, all are retried.
 */
export function SelectionBar({
  selected,
  sendable,
  areDeadOnly,
  planAll,
  onPlan,
  onClear,
}: {
  selected: readonly OpenDelivery[];
  /** How many of all that match can be sent; null: that shows when they are counted. */
  sendable: CappedCount | null;
  /** The filter shows dead letters only. */
  areDeadOnly: boolean;
  /** All that match, for a plan. */
  planAll: PlanFilter;
  onPlan: (draft: PlanDraft) => void;
  onClear: () => void;
}) {
  if (selected.length === 0) {
    const kind = areDeadOnly ? 'redrive' : 'retry';
    const isNone = sendable?.count === 0;
    const many = sendable === null || isNone ? '' : ` ${countText(sendable)}`;
    const count = sendable === null ? 'all that match' : `${countText(sendable)} deliveries`;
    return (
      <Button
        size="small"
        look="primary"
        disabled={isNone}
        onClick={() => onPlan({ kind, filters: [planAll], count })}
      >
        {labelOf(kind)} all{many}
      </Button>
    );
  }
  const chosen = selected.filter(canBeSent);
  const kind = chosen.every(isDead) ? 'redrive' : 'retry';
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
        look="primary"
        disabled={chosen.length === 0 || chosen.length > MOST_SELECTED}
        onClick={() =>
          onPlan({
            kind,
            filters: selectionFilters(chosen),
            count: plural(chosen.length, 'delivery', 'deliveries'),
          })
        }
      >
        {labelOf(kind)} {formatCount(chosen.length)}
      </Button>
    </>
  );
}
