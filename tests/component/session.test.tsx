import type { Database } from '../../src/contracts/database.types.ts';
import { act, cleanup, render, screen } from '@testing-library/react';
import { createClient } from '@supabase/supabase-js';
import type { DatabaseClient } from '../../src/services/database.ts';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Toaster } from '../../src/console/app/toaster.tsx';
import { SessionProvider } from '../../src/console/app/session-provider.tsx';
import { notify } from '../../src/console/lib/toasts.ts';
import { MyReports } from '../../src/console/views/reports/my-reports.tsx';
import { getIdentity } from '../../src/services/identity.ts';
import { createReportWithWebhookTracking } from '../../src/services/polarisReportsService.ts';
import { listReports } from '../../src/services/reports.ts';
import { browserClient, newSession, SESSION_KEY, type Network } from '../support/browser-session.ts';

let client: DatabaseClient | undefined;
beforeEach(() =>
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'] }),
);
afterEach(async () => {
  cleanup();
  await client?.auth.stopAutoRefresh();
  client = undefined;
  localStorage.clear();
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** Second by second: React renders at the end of each `act`, and bodies are read by turns that no fake timer makes. */
async function pass(seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second += 1) {
    await act(async () => {
      await vi.advanceTimersByTimeAsync(1000);
      await new Promise((resolve) => setImmediate(resolve));
    });
  }
}
const noAnswer = (): never => {
  throw new TypeError('Failed to fetch');
};
/** A project whose tables are empty; `auth` is what Auth answers. */
const project =
  (auth: Network): Network =>
  (url, init) => {
    if (url.pathname.startsWith('/auth/')) return auth(url, init);
    return Response.json(url.pathname.includes('/rpc/') ? { rows: [], next: null } : []);
  };

function open(network: Network, session?: object): void {
  client = browserClient(network, session);
  render(
    <SessionProvider supabase={client}>
      <MyReports />
      <Toaster />
    </SessionProvider>,
  );
}

it('keeps the session and the page while Auth cannot be reached, and goes on when it is back', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  let auth: Network = noAnswer;
  open(
    project((url, init) => auth(url, init)),
    newSession(120),
  );
  await pass(3);
  expect(screen.getByText('No report yet')).toBeDefined();
  await pass(240);
  expect(screen.getByRole('heading', { name: 'My reports' })).toBeDefined();
  expect(screen.getAllByText('The server cannot be reached').length).toBeGreaterThan(0);
  expect(localStorage.getItem(SESSION_KEY)).not.toBeNull();
  auth = () => Response.json(newSession());
  await pass(240);
  expect(screen.queryByText('The server cannot be reached')).toBeNull();
  expect(screen.getByText('No report yet')).toBeDefined();
});

it('says that Auth cannot be reached where that is so from the start, and opens when it is back', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  let auth: Network = noAnswer;
  open(
    project((url, init) => auth(url, init)),
    newSession(-60),
  );
  await pass(60);
  expect(screen.getByText('The server cannot be reached')).toBeDefined();
  expect(localStorage.getItem(SESSION_KEY)).not.toBeNull();
  auth = () => Response.json(newSession());
  await pass(300);
  expect(screen.getByRole('heading', { name: 'My reports' })).toBeDefined();
});

it('shows the sign-in when the session is refused, although Auth does not hear of its end', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  open((url) => {
    if (url.pathname.startsWith('/auth/')) return noAnswer();
    return Response.json({ code: 'PGRST301', message: 'JWT invalid' }, { status: 401 });
  });
  await pass(5);
  expect(screen.getByText('Your session has ended. Sign in to continue.')).toBeDefined();
  expect(localStorage.getItem(SESSION_KEY)).toBeNull();
});

it('shows nobody the messages of the person before', async () => {
  open(project(() => Response.json(newSession())));
  await pass(3);
  act(() => notify({ kind: 'error', title: 'Greeting, final: failed again' }));
  expect(screen.getByText('Greeting, final: failed again')).toBeDefined();
  await client?.auth.signOut({ scope: 'local' });
  await pass(3);
  expect(screen.queryByText('Greeting, final: failed again')).toBeNull();
  // Of a call that was under way.
  act(() => notify({ kind: 'error', title: 'Org, final: failed again' }));
  await client?.auth.signInWithPassword({ email: 'grace@example.com', password: 'secret' });
  await pass(3);
  expect(screen.getByRole('heading', { name: 'My reports' })).toBeDefined();
  expect(screen.queryByText(/failed again/)).toBeNull();
});

it('answers unreachable, never unauthenticated, while the token cannot be refreshed', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const asked: string[] = [];
  const network: Network = (url) => {
    asked.push(url.pathname);
    return noAnswer();
  };
  client = browserClient(network, newSession(-60));
  const answers = Promise.all([getIdentity(client), listReports(client)]);
  await vi.advanceTimersByTimeAsync(120_000);
  for (const { error } of await answers) expect(error).toMatchObject({ code: 'unreachable' });
  expect(new Set(asked)).toEqual(new Set(['/auth/v1/token']));
});

it('answers an error where the browser refuses its storage', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  let isRefused = false;
  const read = () => {
    if (isRefused) throw new Error('The operation is insecure.');
    return null;
  };
  const barred = createClient<Database>('http://project.test', 'publishable', {
    auth: {
      autoRefreshToken: false,
      storage: { getItem: read, setItem: () => undefined, removeItem: () => undefined },
    },
  });
  expect((await getIdentity(barred)).error).toMatchObject({ code: 'unauthorized' });
  isRefused = true;
  expect((await getIdentity(barred)).error).toMatchObject({ message: 'The operation is insecure.' });
  const report = {
    report_type: 'org',
    user_data: { organisation_name: 'Ørsted', industry: 'Energy' },
  } as const;
  expect((await createReportWithWebhookTracking(barred, report)).error).toMatchObject({
    code: 'unreachable',
  });
});
