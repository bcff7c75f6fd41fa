import { AlertDialog } from '@base-ui/react/alert-dialog';
import { useState } from 'react';
import { Button } from '../../ui/button.tsx';
import { Field } from '../../ui/field.tsx';
import { DEFAULT_OVERLAP_SECONDS } from '../../../contracts/subscribers.ts';
import styles from '../../ui/dialog.module.css';

const HOUR = 3600;
const OVERLAPS = [
  { seconds: 0, label: 'None: the secret leaked' },
  { seconds: HOUR, label: '1 hour' },
  { seconds: DEFAULT_OVERLAP_SECONDS, label: '24 hours' },
  { seconds: 7 * 24 * HOUR, label: '7 days' },
];

/** Asks how long both secrets sign: as long as it takes to give the receiver the new one. */
export function SecretDialog({
  onReplace,
  onClose,
}: {
  onReplace: (overlapSeconds: number) => void;
  onClose: () => void;
}) {
  const [seconds, setSeconds] = useState(DEFAULT_OVERLAP_SECONDS);
  return (
    <AlertDialog.Root open onOpenChange={(isOpen) => !isOpen && onClose()}>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className={styles['backdrop'] ?? ''} />
        <AlertDialog.Popup className={styles['dialog'] ?? ''}>
          <AlertDialog.Title className={styles['title'] ?? ''}>Replace the secret?</AlertDialog.Title>
          <AlertDialog.Description className={styles['text'] ?? ''}>
            A new secret is created and shown once. During the overlap, each request is signed with both
            secrets.
          </AlertDialog.Description>
          <Field
            label="Overlap"
            {...(seconds === 0 && {
              hint: 'The receiver rejects all requests until it has the new secret. No event is lost.',
            })}
          >
            {(control) => (
              <select
                {...control}
                value={seconds}
                onChange={(event) => setSeconds(Number(event.target.value))}
              >
                {OVERLAPS.map((each) => (
                  <option key={each.seconds} value={each.seconds}>
                    {each.label}
                  </option>
                ))}
              </select>
            )}
          </Field>
          <div className={styles['buttons']}>
            <Button onClick={onClose}>Go back</Button>
            <Button
              look="danger"
              onClick={() => {
                onReplace(seconds);
                onClose();
              }}
            >
              Replace the secret
            </Button>
          </div>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
