import { AlertDialog } from '@base-ui/react/alert-dialog';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useRef, useState, type RefObject } from 'react';
import { OPERATOR_KEY } from '../../lib/operator-queries.ts';
import { describePlanned, type PlanDraft } from './plan-filter.ts';
import { useSession } from '../../lib/session.ts';
import { notify } from '../../lib/toasts.ts';
import { unwrap } from '../../lib/unwrap.ts';
import { requestPlan } from '../../../services/plans.ts';
import { Button } from '../../ui/button.tsx';
import { Field } from '../../ui/field.tsx';
import { labelOf } from '../../lib/label-of.ts';
import { ErrorState } from '../../ui/states.tsx';
import styles from './deliveries.module.css';

/** Of a plan's name. */
const MOST_CHARACTERS = 200;

/** Asks for the reason, then requests the plans. The server works on them from then on. */
export function PlanDialog({
  draft: { kind, filters, count },
  returnTo,
  onPlanned,
  onClose,
}: {
  draft: PlanDraft;
  /** Has the focus once something was asked for: what opened the dialog may be gone then. */
  returnTo: RefObject<HTMLElement | null>;
  onPlanned: () => void;
  onClose: () => void;
}) {
  const { supabase } = useSession();
  const client = useQueryClient();
  // The same ids for each try: a plan whose answer was lost is not made twice.
  const [requests] = useState(() => filters.map((filter) => ({ request_id: crypto.randomUUID(), filter })));
  const isOne = requests.length === 1;
  const [name, setName] = useState(() =>
    describePlanned(kind, isOne ? { ...filters[0] } : { ...filters[0], endpoint_id: undefined }),
  );
  const [reason, setReason] = useState('');
  const [isTried, setTried] = useState(false);
  // If a later request fails, the next try begins with it.
  const requested = useRef(new Set<string>());
  // The dialog goes before it is rendered again.
  const isPlanned = useRef(false);
  const ask = useMutation({
    mutationFn: async () => {
      for (const { request_id, filter } of requests) {
        if (requested.current.has(request_id)) continue;
        const where = isOne ? '' : ` at ${filter.endpoint_id ?? 'every endpoint'}`;
        await unwrap(
          requestPlan(supabase, {
            request_id,
            kind,
            // By code points: half an emoji would be refused.
            name: `${Array.from(name.trim())
              .slice(0, MOST_CHARACTERS - where.length)
              .join('')}${where}`,
            reason: reason.trim(),
            filter,
          }),
        );
        requested.current.add(request_id);
      }
    },
    onSuccess: () => {
      isPlanned.current = true;
      notify({
        kind: 'success',
        title: `The ${kind} has started`,
        text: 'The plan continues when this page is closed. Its progress is under “Plans”.',
      });
      onPlanned();
      onClose();
      return client.invalidateQueries({ queryKey: OPERATOR_KEY });
    },
  });
  const isReasonMissing = isTried && reason.trim() === '';
  const isNameMissing = isTried && name.trim() === '';
  return (
    <AlertDialog.Root open onOpenChange={(isOpen) => !isOpen && !ask.isPending && onClose()}>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className={styles['backdrop'] ?? ''} />
        <AlertDialog.Popup
          className={styles['dialog'] ?? ''}
          finalFocus={() => (isPlanned.current ? returnTo.current : true)}
        >
          <form
            className={styles['form']}
            noValidate
            onSubmit={(event) => {
              event.preventDefault();
              setTried(true);
              if (reason.trim() !== '' && name.trim() !== '') ask.mutate();
            }}
          >
            <AlertDialog.Title className={styles['dialogTitle'] ?? ''}>
              {labelOf(kind)} {count}?
            </AlertDialog.Title>
            <AlertDialog.Description className={styles['dialogText'] ?? ''}>
              {kind === 'retry'
                ? 'Each matching delivery becomes due, and the next sweep sends it. A dead letter starts its schedule again. Deliveries wait while their endpoint is down.'
                : 'Each matching dead letter starts its schedule again, and the next sweep sends it.'}{' '}
              {!isOne && `Each of the ${requests.length} endpoints has a plan of its own. `}
              All operators see your name and the reason.
            </AlertDialog.Description>
            <Field
              label="Reason"
              error={isReasonMissing ? 'Give a reason: it is stored with the plan.' : undefined}
            >
              {(control) => (
                <input
                  {...control}
                  maxLength={1000}
                  dir="auto"
                  placeholder="The endpoint is repaired"
                  value={reason}
                  onChange={(event) => setReason(event.target.value)}
                />
              )}
            </Field>
            <Field label="Name" error={isNameMissing ? 'Give it a name.' : undefined}>
              {(control) => (
                <input
                  {...control}
                  maxLength={MOST_CHARACTERS}
                  dir="auto"
                  value={name}
                  onChange={(event) => setName(event.target.value)}
                />
              )}
            </Field>
            {ask.isError && <ErrorState error={ask.error} />}
            <div className={styles['dialogButtons']}>
              <Button disabled={ask.isPending} onClick={onClose}>
                Cancel
              </Button>
              <Button type="submit" look="primary" isBusy={ask.isPending}>
                {labelOf(kind)} {count}
              </Button>
            </div>
          </form>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
