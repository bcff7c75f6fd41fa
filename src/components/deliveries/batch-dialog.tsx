import { AlertDialog } from '@base-ui/react/alert-dialog';
import { useEffect, useRef, useState, type RefObject } from 'react';
import type { DeliveryAction } from '../../console/delivery-actions.ts';
import { useSession } from '../../console/session.ts';
import { useBatch } from '../../console/use-batch.ts';
import type { OpenDelivery } from '../../contracts/console-deliveries.ts';
import { Button } from '../button.tsx';
import { formatCount, plural } from '../format.ts';
import { ErrorState } from '../states.tsx';
import { BatchProgress } from './batch-progress.tsx';
import styles from './deliveries.module.css';

export interface BatchRequest {
  action: DeliveryAction;
  /** Finds what it is about: what was selected, or all that match. */
  find: (onCount: (count: number) => void, signal: AbortSignal) => Promise<readonly OpenDelivery[]>;
}

type Found = { deliveries: readonly OpenDelivery[] } | { count: number } | { error: unknown };

/** Counts, asks, acts, and says what came of each. */
export function BatchDialog({
  request,
  returnTo,
  onChanged,
  onClose,
}: {
  request: BatchRequest;
  /** Has the focus once something was done: what opened the dialog may be gone then. */
  returnTo: RefObject<HTMLElement | null>;
  onChanged: () => void;
  onClose: () => void;
}) {
  const { supabase } = useSession();
  const { action, find } = request;
  const [found, setFound] = useState<Found>({ count: 0 });
  const batch = useBatch(supabase, action);
  const title = useRef<HTMLHeadingElement>(null);

  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    find((count) => {
      if (!signal.aborted) setFound({ count });
    }, signal).then(
      (deliveries) => {
        if (!signal.aborted) setFound({ deliveries });
      },
      (error: unknown) => {
        if (!signal.aborted) setFound({ error });
      },
    );
    return () => controller.abort();
  }, [find]);

  const deliveries = 'deliveries' in found ? found.deliveries : null;
  const isUnderWay = batch.state === 'running' || batch.state === 'stopping';
  const many = plural(deliveries?.length ?? 0, 'delivery', 'deliveries');

  function close(): void {
    if (isUnderWay) return;
    onClose();
  }

  return (
    <AlertDialog.Root open onOpenChange={(isOpen) => !isOpen && close()}>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className={styles['backdrop'] ?? ''} />
        <AlertDialog.Popup
          className={styles['dialog'] ?? ''}
          finalFocus={() => (batch.state === 'ready' ? true : returnTo.current)}
        >
          <AlertDialog.Title ref={title} tabIndex={-1} className={styles['dialogTitle'] ?? ''}>
            {deliveries === null
              ? 'Retry all that match'
              : batch.state === 'over'
                ? `Retry: ${formatCount(batch.done.length)} of ${many}`
                : batch.state === 'ready'
                  ? `Retry ${many}?`
                  : `Retry ${many}`}
          </AlertDialog.Title>
          <AlertDialog.Description className={styles['dialogText'] ?? ''}>
            {'count' in found
              ? `Counting what matches: ${formatCount(found.count)} so far.`
              : 'Each is sent to its endpoint once, now. What was sent cannot be called back.'}
          </AlertDialog.Description>
          {'error' in found && <ErrorState error={found.error} />}
          {deliveries?.length === 0 && <p className={styles['dialogText']}>Nothing matches any more.</p>}
          {deliveries !== null && batch.state !== 'ready' && (
            <BatchProgress total={deliveries.length} done={batch.done} />
          )}
          <div className={styles['dialogButtons']}>
            {isUnderWay ? (
              <Button isBusy={batch.state === 'stopping'} onClick={batch.stop}>
                Stop
              </Button>
            ) : (
              <Button onClick={close}>{batch.state === 'over' ? 'Close' : 'Cancel'}</Button>
            )}
            {batch.state === 'ready' && (
              <Button
                look="primary"
                disabled={deliveries === null || deliveries.length === 0}
                onClick={() => {
                  if (deliveries === null) return;
                  // This button goes, and the next one stops what it starts.
                  title.current?.focus();
                  void batch.start(deliveries).then(onChanged);
                }}
              >
                {deliveries === null ? 'Retry' : `Retry ${many}`}
              </Button>
            )}
          </div>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
