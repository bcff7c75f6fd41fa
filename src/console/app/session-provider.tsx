import { QueryClientProvider, useQuery } from '@tanstack/react-query';
import type { Session as AuthSession } from '@supabase/supabase-js';
import type { DatabaseClient } from '../../services/database.ts';
import { useCallback, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { Button } from '../ui/button.tsx';
import { ErrorState, LoadingState } from '../ui/states.tsx';
import { SignIn } from './sign-in.tsx';
import { sessionOf, type ServiceError } from '../../services/answer.ts';
import { getIdentity } from '../../services/identity.ts';
import { dropDrafts } from '../lib/draft.ts';
import { createQueryClient } from './query-client.ts';
import { SessionContext, type Session } from '../lib/session.ts';
import { endSession, type SignOutScope } from '../lib/supabase.ts';
import { dismissAll } from '../lib/toasts.ts';
import { unwrap } from '../lib/unwrap.ts';

/** How long a page goes on at most after its session was ended elsewhere. */
const SESSION_CHECK_MS = 60_000;

type AuthState = { session: AuthSession | null; wasLost: boolean } | 'unknown';

/** Renders its children for whoever is signed in, and the sign-in for everybody else. */
export function SessionProvider({ supabase, children }: { supabase: DatabaseClient; children: ReactNode }) {
  const [auth, setAuth] = useState<AuthState>('unknown');
  const [unreachable, setUnreachable] = useState<ServiceError | null>(null);
  const isLeaving = useRef(false);
  const [lostEmail, setLostEmail] = useState<string>();

  const look = useCallback(async () => {
    setUnreachable(null);
    const { data, error } = await sessionOf(supabase);
    if (error?.code === 'unreachable') setUnreachable(error);
    else setAuth({ session: data, wasLost: false });
  }, [supabase]);

  useEffect(() => {
    const { data } = supabase.auth.onAuthStateChange((event, session) => {
      // This one has no session either where there is one that Auth could not be asked to refresh.
      if (event === 'INITIAL_SESSION') {
        void look();
        return;
      }
      setAuth((before) => {
        // Whoever was signed in and did not sign out has lost the session, and is told so.
        const wasSignedIn = before !== 'unknown' && before.session !== null;
        const isLost = wasSignedIn && !isLeaving.current;
        const wasLost = session === null && (isLost || (before !== 'unknown' && before.wasLost));
        return { session, wasLost };
      });
    });
    return () => data.subscription.unsubscribe();
  }, [supabase, look]);

  async function leave(wasLost: boolean, scope: SignOutScope): Promise<Error | null> {
    // All the queries of a page lose the session at once: what ends later could end the next one.
    if (isLeaving.current) return null;
    isLeaving.current = true;
    const error = await endSession(supabase, scope);
    if (error !== null) {
      isLeaving.current = false;
      return error;
    }
    if (!wasLost) dropDrafts();
    setAuth({ session: null, wasLost });
    isLeaving.current = false;
    return null;
  }

  const email = auth === 'unknown' ? undefined : auth.session?.user.email;
  if (email !== undefined && email !== lostEmail) setLostEmail(email);
  if (auth === 'unknown' && unreachable !== null) {
    return (
      <main className="lone">
        <ErrorState error={unreachable} onRetry={() => void look()} />
      </main>
    );
  }
  if (auth === 'unknown') return <LoadingState label="Loading your session" />;
  if (auth.session === null)
    return (
      <SignIn
        supabase={supabase}
        sessionWasLost={auth.wasLost}
        email={auth.wasLost ? lostEmail : undefined}
      />
    );
  // One cache for each person: nobody sees what was fetched for somebody else.
  return (
    <SignedIn
      key={auth.session.user.id}
      supabase={supabase}
      user={auth.session.user}
      onSignOut={(scope) => leave(false, scope)}
      onSessionLost={() => void leave(true, 'local')}
    >
      {children}
    </SignedIn>
  );
}

interface SignedInProps {
  supabase: DatabaseClient;
  user: AuthSession['user'];
  onSignOut: Session['signOut'];
  onSessionLost: () => void;
  children: ReactNode;
}

function SignedIn(props: SignedInProps) {
  const [client] = useState(() => createQueryClient(props.onSessionLost));
  useEffect(() => {
    // Also what came of the person before after they had left.
    dismissAll();
    return dismissAll;
  }, []);
  return (
    <QueryClientProvider client={client}>
      <WithRole {...props} />
    </QueryClientProvider>
  );
}

/** Which views there are depends on who it is. Row level security is what guards the data. */
function WithRole({ supabase, user, onSignOut, children }: SignedInProps) {
  const identity = useQuery({
    queryKey: ['identity'],
    queryFn: ({ signal }) => unwrap(getIdentity(supabase, { signal })),
    staleTime: 60_000,
  });
  // A token stays good until it expires, also where its session was ended elsewhere: only Auth knows.
  useQuery({
    queryKey: ['session'],
    queryFn: async () => {
      const { error } = await supabase.auth.getUser();
      if (error !== null) throw error;
      return true;
    },
    staleTime: SESSION_CHECK_MS,
    refetchInterval: SESSION_CHECK_MS,
  });
  const isOperator = identity.data?.operator;
  const session = useMemo(
    () => (isOperator === undefined ? null : { supabase, user, isOperator, signOut: onSignOut }),
    [supabase, user, isOperator, onSignOut],
  );
  if (session !== null) return <SessionContext value={session}>{children}</SessionContext>;
  if (identity.isPending) return <LoadingState label="Loading your account" />;
  return (
    <main className="lone">
      <ErrorState error={identity.error} onRetry={() => void identity.refetch()} />
      <Button onClick={() => void onSignOut('local')}>Sign out</Button>
    </main>
  );
}
