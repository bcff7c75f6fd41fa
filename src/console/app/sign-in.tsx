import type { DatabaseClient } from '../../services/database.ts';
import { useState } from 'react';
import { Button } from '../ui/button.tsx';
import { Field } from '../ui/field.tsx';
import { ErrorState } from '../ui/states.tsx';
import styles from './sign-in.module.css';

/** After it the view at the present address opens, so that a shared link or a lost session leads where it should. */
export function SignIn({
  supabase,
  sessionWasLost,
  email = '',
}: {
  supabase: DatabaseClient;
  sessionWasLost: boolean;
  /** Of whoever was signed in until the session was lost. */
  email?: string | undefined;
}) {
  const [error, setError] = useState<Error | null>(null);
  const [isBusy, setBusy] = useState(false);

  async function signIn(form: FormData): Promise<void> {
    setBusy(true);
    setError(null);
    const read = (name: string) => {
      const value = form.get(name);
      return typeof value === 'string' ? value : '';
    };
    const answer = await supabase.auth.signInWithPassword({
      email: read('email').trim(),
      password: read('password'),
    });
    // When it succeeded, this page is replaced by the view.
    setError(answer.error);
    setBusy(false);
  }

  return (
    <main className={styles['page']}>
      <title>Sign in · Polaris reports</title>
      <form
        className={styles['card']}
        onSubmit={(event) => {
          event.preventDefault();
          void signIn(new FormData(event.currentTarget));
        }}
      >
        <img src="/icon.svg" alt="" width="36" height="36" />
        <div>
          <h1 className={styles['title']}>Sign in to Polaris reports</h1>
          <p className={styles['lead']} role="status">
            {sessionWasLost
              ? 'Your session has ended. Sign in to continue.'
              : 'Use your account on the platform.'}
          </p>
        </div>
        <Field label="E-mail">
          {(control) => (
            <input
              {...control}
              name="email"
              type="email"
              autoComplete="username"
              required
              defaultValue={email}
              autoFocus={email === ''}
            />
          )}
        </Field>
        <Field label="Password">
          {(control) => (
            <input
              {...control}
              name="password"
              type="password"
              autoComplete="current-password"
              required
              autoFocus={email !== ''}
            />
          )}
        </Field>
        {error !== null && <ErrorState error={error} />}
        <Button type="submit" look="primary" isBusy={isBusy}>
          Sign in
        </Button>
      </form>
    </main>
  );
}
