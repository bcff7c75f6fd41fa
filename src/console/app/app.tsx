import { CSPProvider } from '@base-ui/react/csp-provider';
import { Redirect, usePath } from 'raviger';
import { Suspense } from 'react';
import { AppShell } from './app-shell.tsx';
import { ErrorBoundary } from '../ui/error-boundary.tsx';
import { EmptyState, LoadingState } from '../ui/states.tsx';
import { StatusLine } from './status-line.tsx';
import { Toaster } from './toaster.tsx';
import { NoAccess } from './no-access.tsx';
import { NotFound } from './not-found.tsx';
import { homeOf, routeOf } from './routes.ts';
import { SessionProvider } from './session-provider.tsx';
import { useSession } from '../lib/session.ts';
import { supabase } from '../lib/supabase.ts';

export function App() {
  return (
    // The Content-Security-Policy allows no <style> elements.
    <CSPProvider disableStyleElements>
      <ErrorBoundary>
        {supabase === null ? (
          <NotConfigured />
        ) : (
          <SessionProvider supabase={supabase}>
            <AppShell>
              <CurrentView />
            </AppShell>
            <Toaster />
          </SessionProvider>
        )}
      </ErrorBoundary>
    </CSPProvider>
  );
}

function CurrentView() {
  const { isOperator } = useSession();
  const path = usePath() ?? '/';
  if (path === '/') return <Redirect to={homeOf(isOperator)} replace />;
  const route = routeOf(path);
  if (route === undefined) return <NotFound />;
  if (route.audience === 'operators' && !isOperator) return <NoAccess view={route.name} />;
  return (
    <>
      {isOperator && (
        <ErrorBoundary fallback={null}>
          <StatusLine />
        </ErrorBoundary>
      )}
      <ErrorBoundary key={path}>
        <Suspense fallback={<LoadingState label={`Opening ${route.name}`} rows={8} />}>
          <route.page />
        </Suspense>
      </ErrorBoundary>
    </>
  );
}

function NotConfigured() {
  return (
    <main className="lone">
      <EmptyState title="The console has no Supabase project">
        Set VITE_SUPABASE_URL and VITE_SUPABASE_PUBLISHABLE_KEY where the console is built, then build it
        again.
      </EmptyState>
    </main>
  );
}
