import { useMutation, useQueryClient } from '@tanstack/react-query';
import { ActorName } from '../../ui/actor-name.tsx';
import { Button } from '../../ui/button.tsx';
import { Panel } from '../../ui/page.tsx';
import { RelativeTime } from '../../ui/relative-time.tsx';
import { wordsOf } from '../../../contracts/alerts.ts';
import type { Silence } from '../../../contracts/console-alerts.ts';
import { endSilence } from '../../../services/alerts.ts';
import { explain } from '../../lib/errors.ts';
import { OPERATOR_KEY } from '../../lib/operator-queries.ts';
import { useSession } from '../../lib/session.ts';
import { notify } from '../../lib/toasts.ts';
import { unwrap } from '../../lib/unwrap.ts';
import styles from './alerts.module.css';

/** The silences that hold now, each with its end, reason and author. */
export function SilenceList({ silences }: { silences: readonly Silence[] }) {
  const { supabase } = useSession();
  const client = useQueryClient();
  const end = useMutation({
    mutationFn: (id: string) => unwrap(endSilence(supabase, id)),
    onSuccess: (isEnded) =>
      notify(
        isEnded
          ? {
              kind: 'success',
              title: 'The silence has ended',
              text: 'The next evaluation sends the alerts that fire.',
            }
          : { kind: 'info', title: 'The silence had already ended' },
      ),
    onError: (error) => {
      const { title, advice } = explain(error);
      notify({ kind: 'error', title, text: advice });
    },
    onSettled: () => client.invalidateQueries({ queryKey: OPERATOR_KEY }),
  });
  if (silences.length === 0) return null;
  return (
    <Panel title="Silences" isFlush>
      <ul className={styles['rows']} aria-label="Silences">
        {silences.map((silence) => (
          <li key={silence.id} className={styles['row']}>
            <span className={styles['words']}>
              <strong>{scopeOf(silence)}</strong>
              <span className="foreign" dir="auto">
                {silence.reason}
              </span>
              <span className="muted">
                by <ActorName id={silence.author} /> <RelativeTime value={silence.created_at} />, ends{' '}
                <RelativeTime value={silence.until} />
              </span>
            </span>
            <Button
              size="small"
              isBusy={end.isPending && end.variables === silence.id}
              aria-label={`End silence: ${scopeOf(silence)}`}
              onClick={() => end.mutate(silence.id)}
            >
              End silence
            </Button>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function scopeOf({ rule, subject }: Silence): string {
  if (rule === null) return subject === null ? 'Every alert' : `Every alert of ${subject}`;
  const name = rule.includes('*') ? rule : wordsOf(rule).title;
  return subject === null ? name : `${name}: ${subject}`;
}
