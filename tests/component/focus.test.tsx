import type { Database } from '../../src/contracts/database.types.ts';
import { createClient, type User } from '@supabase/supabase-js';
import { QueryClientProvider } from '@tanstack/react-query';
import { cleanup, render, screen, waitFor } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { useRef, useState, type ReactNode } from 'react';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { PlanDialog } from '../../src/console/views/deliveries/plan-dialog.tsx';
import { Panel } from '../../src/console/ui/page.tsx';
import { createQueryClient } from '../../src/console/app/query-client.ts';
import { SessionContext } from '../../src/console/lib/session.ts';
import type { Plan } from '../../src/contracts/plans.ts';
import { AuditLog } from '../../src/console/views/audit/page.tsx';
import { browserClient } from '../support/browser-session.ts';
import { renderSignedIn } from '../support/signed-in.tsx';

beforeEach(() => history.replaceState(null, '', '/'));
afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const focused = () => document.activeElement;

const PLAN: Plan = {
  id: '1',
  kind: 'retry',
  name: 'Retry: selected deliveries',
  reason: 'The endpoint is repaired',
  filter: {},
  actor: 'operator',
  created_at: '2026-11-25T12:00:00Z',
  status: 'running',
  preview: null,
  applied_at: null,
  total: 1,
  outcomes: {
    redriven: 0,
    brought_forward: 0,
    changed: 0,
    held: 0,
    error: 0,
    planned: 0,
    content_erased: 0,
  },
  passes: 0,
  last_error: null,
  cancelled_by: null,
  finished_at: null,
};

/** An operator is signed in at a project whose functions answer what they are told to. */
function SignedIn({ answers = {}, children }: { answers?: Record<string, unknown>; children: ReactNode }) {
  const [client] = useState(() =>
    createClient<Database>('http://127.0.0.1:9', 'key', {
      auth: { persistSession: false, autoRefreshToken: false },
      global: {
        fetch: (input) => {
          const url = input instanceof Request ? input.url : input.toString();
          return Promise.resolve(Response.json(answers[url.split('/').at(-1) ?? ''] ?? null));
        },
      },
    }),
  );
  const [queryClient] = useState(() => createQueryClient(() => undefined));
  return (
    <SessionContext
      value={{
        supabase: client,
        // Nobody asks for more.
        user: { id: 'operator' } as User,
        isOperator: true,
        signOut: () => Promise.resolve(null),
      }}
    >
      <QueryClientProvider client={queryClient}>{children}</QueryClientProvider>
    </SessionContext>
  );
}

it('goes to the heading of a panel when the row that had it is done with, and nowhere when another had it', async () => {
  function List() {
    const [rows, setRows] = useState(['first', 'second', 'third']);
    const without = (row: string) => rows.filter((each) => each !== row);
    return (
      <>
        <Panel title="Deliveries">
          {rows.map((row) => (
            <button key={row} onClick={() => setRows(without(row))}>
              Retry {row}
            </button>
          ))}
        </Panel>
        <button onClick={() => setRows([])}>Outside</button>
      </>
    );
  }
  render(<List />);
  await userEvent.click(screen.getByRole('button', { name: 'Retry second' }));
  expect(focused()).toBe(screen.getByRole('heading', { name: 'Deliveries' }));
  await userEvent.tab();
  expect(focused()).toBe(screen.getByRole('button', { name: 'Retry first' }));
  await userEvent.click(screen.getByRole('button', { name: 'Outside' }));
  expect(focused()).toBe(screen.getByRole('button', { name: 'Outside' }));
});

it('goes back to what opened the dialog of a plan, and to the heading of the list once it is asked for', async () => {
  vi.stubGlobal('fetch', () => Promise.resolve(Response.json({ plan: PLAN }, { status: 202 })));
  function View() {
    const [isOpen, setOpen] = useState(false);
    const [isPlanned, setPlanned] = useState(false);
    const heading = useRef<HTMLHeadingElement>(null);
    return (
      <>
        <Panel
          title="Deliveries"
          headingRef={heading}
          actions={!isPlanned && <button onClick={() => setOpen(true)}>Retry 1</button>}
        >
          {null}
        </Panel>
        {isOpen && (
          <PlanDialog
            draft={{ kind: 'retry', filters: [{ event_ids: ['evt_1'] }], count: '1 delivery' }}
            returnTo={heading}
            onPlanned={() => setPlanned(true)}
            onClose={() => setOpen(false)}
          />
        )}
      </>
    );
  }
  renderSignedIn(
    browserClient(() => Response.json(null)),
    <View />,
  );
  const opener = screen.getByRole('button', { name: 'Retry 1' });
  await userEvent.click(opener);
  await userEvent.click(await screen.findByRole('button', { name: 'Cancel' }));
  await waitFor(() => expect(focused()).toBe(opener));

  await userEvent.click(opener);
  await userEvent.type(await screen.findByLabelText('Reason'), 'The endpoint is repaired');
  await userEvent.click(screen.getByRole('button', { name: 'Retry 1 delivery' }));
  await waitFor(() => expect(focused()).toBe(screen.getByRole('heading', { name: 'Deliveries' })));
});

it('goes to the heading of the log when details are closed that no row opened', async () => {
  history.replaceState(null, '', '/audit?event=evt_1');
  render(
    <SignedIn answers={{ list_webhook_audit: { rows: [], next: null } }}>
      <AuditLog />
    </SignedIn>,
  );
  await userEvent.click(await screen.findByRole('button', { name: 'Close' }));
  expect(location.search).toBe('');
  await waitFor(() => expect(focused()).toBe(screen.getByRole('heading', { name: 'Newest first' })));
});
