import { QueryClientProvider } from '@tanstack/react-query';
import { render } from '@testing-library/react';
import type { DatabaseClient } from '../../src/services/database.ts';
import type { ReactNode } from 'react';
import { createQueryClient } from '../../src/console/app/query-client.ts';
import { SessionContext } from '../../src/console/lib/session.ts';
import { PERSON } from './browser-session.ts';

/** Renders a part of the console for a signed-in operator. */
export function renderSignedIn(supabase: DatabaseClient, part: ReactNode) {
  const session = { supabase, user: PERSON, isOperator: true, signOut: () => Promise.resolve(null) };
  return render(
    <QueryClientProvider client={createQueryClient(() => undefined)}>
      <SessionContext value={session}>{part}</SessionContext>
    </QueryClientProvider>,
  );
}
