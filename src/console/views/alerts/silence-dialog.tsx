import { AlertDialog } from '@base-ui/react/alert-dialog';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Button } from '../../ui/button.tsx';
import { Choice } from '../../ui/choice.tsx';
import { Field } from '../../ui/field.tsx';
import { ErrorState } from '../../ui/states.tsx';
import { SILENCE_REASON_CHARACTERS, type AlertRow } from '../../../contracts/console-alerts.ts';
import { silenceAlerts } from '../../../services/alerts.ts';
import { OPERATOR_KEY } from '../../lib/operator-queries.ts';
import { useSession } from '../../lib/session.ts';
import { notify } from '../../lib/toasts.ts';
import dialog from '../../ui/dialog.module.css';
import { unwrap } from '../../lib/unwrap.ts';
import { alertName } from './alert-name.ts';
import styles from './alerts.module.css';

const HOUR_MS = 3_600_000;
const LENGTHS = {
  hour: { label: '1 hour', ms: HOUR_MS },
  shift: { label: '8 hours', ms: 8 * HOUR_MS },
  day: { label: '1 day', ms: 24 * HOUR_MS },
  week: { label: '1 week', ms: 7 * 24 * HOUR_MS },
} as const;
type Length = keyof typeof LENGTHS;
const LENGTH_OPTIONS = (['hour', 'shift', 'day', 'week'] as const).map((value) => ({
  value,
  label: LENGTHS[value].label,
}));

type Scope = 'alert' | 'rule' | 'all';

/** Asks what is silenced, how long and why. `alert` null: everything, as for planned work. */
export function SilenceDialog({ alert, onClose }: { alert: AlertRow | null; onClose: () => void }) {
  const { supabase } = useSession();
  const client = useQueryClient();
  const [scope, setScope] = useState<Scope>(alert === null ? 'all' : 'alert');
  const [length, setLength] = useState<Length>('hour');
  const [reason, setReason] = useState('');
  const [isTried, setTried] = useState(false);
  const isReasonMissing = isTried && reason.trim() === '';
  const silence = useMutation({
    mutationFn: () =>
      unwrap(
        silenceAlerts(supabase, {
          reason,
          until: new Date(Date.now() + LENGTHS[length].ms).toISOString(),
          ...(alert !== null && scope !== 'all' && { rule: alert.rule }),
          ...(alert !== null && scope === 'alert' && alert.subject !== '' && { subject: alert.subject }),
        }),
      ),
    onSuccess: () => {
      notify({ kind: 'success', title: `Silenced for ${LENGTHS[length].label}` });
      onClose();
      return client.invalidateQueries({ queryKey: OPERATOR_KEY });
    },
  });
  return (
    <AlertDialog.Root open onOpenChange={(isOpen) => !isOpen && !silence.isPending && onClose()}>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className={dialog['backdrop'] ?? ''} />
        <AlertDialog.Popup className={dialog['dialog'] ?? ''}>
          <form
            className={styles['form']}
            noValidate
            onSubmit={(event) => {
              event.preventDefault();
              setTried(true);
              if (reason.trim() !== '') silence.mutate();
            }}
          >
            <AlertDialog.Title className={dialog['title'] ?? ''}>
              {alert === null ? 'Silence every alert?' : `Silence “${alertName(alert)}”?`}
            </AlertDialog.Title>
            <AlertDialog.Description className={dialog['text'] ?? ''}>
              Silenced alerts are not sent, and not counted in the navigation. They stay on this page. Alerts
              that still fire when the silence ends are sent then.
            </AlertDialog.Description>
            {alert !== null && (
              <Choice legend="What" value={scope} options={scopesOf(alert)} onChange={setScope} />
            )}
            <Choice legend="How long" value={length} options={LENGTH_OPTIONS} onChange={setLength} />
            <Field
              label="Reason"
              error={isReasonMissing ? 'Give a reason: all operators see it.' : undefined}
            >
              {(control) => (
                <input
                  {...control}
                  maxLength={SILENCE_REASON_CHARACTERS}
                  dir="auto"
                  placeholder="Planned maintenance of the endpoint"
                  value={reason}
                  onChange={(event) => setReason(event.target.value)}
                />
              )}
            </Field>
            {silence.isError && <ErrorState error={silence.error} />}
            <div className={dialog['buttons']}>
              <Button disabled={silence.isPending} onClick={onClose}>
                Cancel
              </Button>
              <Button type="submit" look="primary" isBusy={silence.isPending}>
                Silence for {LENGTHS[length].label}
              </Button>
            </div>
          </form>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}

function scopesOf({ subject }: AlertRow): { value: Scope; label: string }[] {
  return [
    { value: 'alert', label: 'This alert' },
    // Without a subject the rule has this one alert.
    ...(subject === '' ? [] : [{ value: 'rule' as const, label: 'Its rule' }]),
    { value: 'all', label: 'Every alert' },
  ];
}
