import { lazy, Suspense, useState } from 'react';
import { explain } from '../lib/errors.ts';
import { useSession } from '../lib/session.ts';
import type { SignOutScope } from '../lib/supabase.ts';
import { notify } from '../lib/toasts.ts';
import { Button } from '../ui/button.tsx';
import styles from './app-shell.module.css';

/** Dialogs are large: they come when one is opened. */
const ConfirmDialog = lazy(async () => ({
  default: (await import('../ui/confirm-dialog.tsx')).ConfirmDialog,
}));

/** Ends the session here, or, asked once more, wherever the person is signed in. */
export function SignOut() {
  const { signOut } = useSession();
  const [leaving, setLeaving] = useState<SignOutScope | null>(null);
  const [isAsked, setAsked] = useState(false);

  async function leave(scope: SignOutScope): Promise<void> {
    setLeaving(scope);
    // When it succeeded, the sign-in takes the place of this page.
    const error = await signOut(scope);
    setLeaving(null);
    if (error === null) return;
    notify({
      kind: 'error',
      title: 'You are still signed in everywhere',
      text: `${explain(error).title}. Try again.`,
    });
  }

  return (
    <div className={styles['signOut']}>
      <Button size="small" isBusy={leaving === 'local'} onClick={() => void leave('local')}>
        Sign out
      </Button>
      <Button size="small" look="quiet" isBusy={leaving === 'global'} onClick={() => setAsked(true)}>
        Sign out everywhere
      </Button>
      {isAsked && (
        <Suspense>
          <ConfirmDialog
            title="Sign out everywhere?"
            text="Ends your sessions in every browser and on every device. Open pages sign out within a minute. Copied tokens work until they expire, within an hour."
            button="Sign out everywhere"
            look="danger"
            onConfirm={() => void leave('global')}
            onClose={() => setAsked(false)}
          />
        </Suspense>
      )}
    </div>
  );
}
