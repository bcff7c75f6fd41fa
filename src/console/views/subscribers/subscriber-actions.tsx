import { useMutation, useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useState } from 'react';
import { Button } from '../../ui/button.tsx';
import { plural } from '../../lib/format.ts';
import { ErrorState } from '../../ui/states.tsx';
import type { SubscriberView } from '../../../contracts/subscribers.ts';
import {
  checkSubscriber,
  pauseSubscriber,
  removeSubscriber,
  replaceSubscriberSecret,
  replaceSubscriberToken,
  resumeSubscriber,
} from '../../../services/subscribers.ts';
import { OPERATOR_KEY } from '../../lib/operator-queries.ts';
import { useSession } from '../../lib/session.ts';
import { notify, type Toast } from '../../lib/toasts.ts';
import { unwrap } from '../../lib/unwrap.ts';
import { SECRET_HINT, ShownOnce, TOKEN_HINT, type Shown } from './shown-once.tsx';
import styles from './subscribers.module.css';

/** Dialogs are large: they come when one is opened. */
const ConfirmDialog = lazy(async () => ({
  default: (await import('../../ui/confirm-dialog.tsx')).ConfirmDialog,
}));

const SecretDialog = lazy(async () => ({ default: (await import('./secret-dialog.tsx')).SecretDialog }));

interface Question {
  title: string;
  text: string;
  button: string;
  look: 'danger' | 'primary';
}
type Name = 'check' | 'pause' | 'resume' | 'remove' | 'token';

const QUESTIONS: Partial<Record<Name, Question>> = {
  pause: {
    title: 'Pause this subscriber?',
    text: 'Nothing is sent until somebody resumes the subscriber. Its deliveries are kept, and then sent in order.',
    button: 'Pause sending',
    look: 'primary',
  },
  remove: {
    title: 'Remove this subscriber?',
    text: 'Nothing more is sent, and waiting deliveries are cancelled. This cannot be undone: a new subscriber gets another secret.',
    button: 'Remove',
    look: 'danger',
  },
  token: {
    title: 'Replace the read token?',
    text: 'The present token becomes invalid at once. The receiver can read nothing until it has the new token.',
    button: 'Replace the token',
    look: 'danger',
  },
};

/** What can be done with a subscriber. All of it is audited with who did it. */
export function SubscriberActions({ subscriber }: { subscriber: SubscriberView }) {
  const { endpoint_id: id, state } = subscriber;
  const { supabase } = useSession();
  const client = useQueryClient();
  const [asked, setAsked] = useState<Name | null>(null);
  const [isSecretAsked, setSecretAsked] = useState(false);
  const [shown, setShown] = useState<Shown | null>(null);

  async function run(name: Name | { overlapSeconds: number }): Promise<Omit<Toast, 'id'> | null> {
    switch (name) {
      case 'check': {
        const { passed, probes } = await unwrap(checkSubscriber(supabase, id));
        const failed = probes.filter(({ ok }) => !ok).length;
        // What it found stays on the page.
        if (!passed)
          return {
            kind: 'info',
            title: 'The check failed',
            text: 'The result lists each failure and its fix.',
          };
        return failed === 0
          ? { kind: 'success', title: 'The check passed' }
          : { kind: 'info', title: `The check passed, with ${plural(failed, 'remark')}` };
      }
      case 'pause':
        await unwrap(pauseSubscriber(supabase, id));
        return { kind: 'success', title: 'The subscriber is paused' };
      case 'resume':
        await unwrap(resumeSubscriber(supabase, id));
        return {
          kind: 'success',
          title: 'The subscriber is resumed',
          text: 'Waiting deliveries are sent in order, slowly at first.',
        };
      case 'remove':
        await unwrap(removeSubscriber(supabase, id));
        return { kind: 'success', title: 'The subscriber is removed' };
      case 'token': {
        const { read_token } = await unwrap(replaceSubscriberToken(supabase, id));
        setShown({ name: 'Read token', value: read_token, hint: TOKEN_HINT });
        return null;
      }
      default: {
        const { secret } = await unwrap(replaceSubscriberSecret(supabase, id, name.overlapSeconds));
        setShown({ name: 'Secret', value: secret, hint: SECRET_HINT });
        return null;
      }
    }
  }
  const act = useMutation({
    mutationFn: run,
    onSuccess: (told) => {
      if (told !== null) notify(told);
    },
    onSettled: () => client.invalidateQueries({ queryKey: OPERATOR_KEY }),
  });
  const running = act.isPending ? act.variables : undefined;
  // A second value would replace the one that is shown once.
  const isShown = shown !== null;
  function button(name: Name, words: string, look?: 'primary' | 'danger') {
    return (
      <Button
        size="small"
        {...(look !== undefined && { look })}
        isBusy={running === name}
        disabled={act.isPending || (name === 'token' && isShown)}
        onClick={() => (QUESTIONS[name] === undefined ? act.mutate(name) : setAsked(name))}
      >
        {words}
      </Button>
    );
  }
  const question = asked === null ? undefined : QUESTIONS[asked];
  if (state === 'removed') return null;
  return (
    <>
      <div className={`${styles['buttons'] ?? ''} no-print`}>
        {button('check', 'Check', state === 'unverified' ? 'primary' : undefined)}
        {state === 'active' && button('pause', 'Pause sending')}
        {state === 'paused' && button('resume', 'Resume sending', 'primary')}
        <Button size="small" disabled={act.isPending || isShown} onClick={() => setSecretAsked(true)}>
          Replace secret
        </Button>
        {button('token', 'Replace token')}
        {button('remove', 'Remove', 'danger')}
      </div>
      {running === 'check' && (
        <p className={`${styles['note'] ?? ''} muted`} role="status">
          A check sends up to six requests and takes up to a minute.
        </p>
      )}
      {act.isError && <ErrorState error={act.error} />}
      {isShown && <ShownOnce key={shown.value} values={[shown]} done="Done" onDone={() => setShown(null)} />}
      {question !== undefined && asked !== null && (
        <Suspense>
          <ConfirmDialog {...question} onConfirm={() => act.mutate(asked)} onClose={() => setAsked(null)} />
        </Suspense>
      )}
      {isSecretAsked && (
        <Suspense>
          <SecretDialog
            onReplace={(overlapSeconds) => act.mutate({ overlapSeconds })}
            onClose={() => setSecretAsked(false)}
          />
        </Suspense>
      )}
    </>
  );
}
