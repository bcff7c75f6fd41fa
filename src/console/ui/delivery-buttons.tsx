import { useMutation, useQueryClient } from '@tanstack/react-query';
import {
  canBeRedriven,
  canBeRetried,
  canBeSent,
  redrive,
  retry,
  type DeliveryAction,
  type Outcome,
} from '../lib/delivery-actions.ts';
import { OPERATOR_KEY } from '../lib/operator-queries.ts';
import { useSession } from '../lib/session.ts';
import { notify } from '../lib/toasts.ts';
import { ActionIcon } from './action-icon.tsx';
import type { OpenDelivery } from '../../contracts/console-deliveries.ts';
import { Button } from './button.tsx';

/** What can be done with a delivery that is not confirmed. `name`: the delivery's, for the buttons and what is told. */
export function DeliveryButtons({ delivery, name }: { delivery: OpenDelivery; name: string }) {
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
      {canBeRetried(delivery) && (
        <Button
          size="small"
          look="quiet"
          isBusy={act.isPending && act.variables === retry}
          disabled={act.isPending}
          aria-label={`Retry ${name}`}
          title="Sends the delivery once, now"
          onClick={() => act.mutate(retry)}
        >
          <ActionIcon name="retry" /> Retry
        </Button>
      )}
      {canBeRedriven(delivery) && (
        <Button
          size="small"
          look="quiet"
          isBusy={act.isPending && act.variables === redrive}
          disabled={act.isPending}
          aria-label={`Redrive ${name}`}
          title="Starts the schedule again: the next sweep sends the delivery"
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
