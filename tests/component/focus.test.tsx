import type { Database } from '../../src/contracts/database.types.ts';
import { createClient, type User } from '@supabase/supabase-js';
import { QueryClientProvider } from '@tanstack/react-query';
import { act, cleanup, render, screen, waitFor } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { useRef, useState, type ReactNode } from 'react';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { BatchDialog, type BatchRequest } from '../../src/components/deliveries/batch-dialog.tsx';
import { Panel } from '../../src/components/page.tsx';
import type { Outcome } from '../../src/console/delivery-actions.ts';
import { createQueryClient } from '../../src/console/query-client.ts';
import { SessionContext } from '../../src/console/session.ts';
import type { OpenDelivery } from '../../src/contracts/console-deliveries.ts';
import { AuditLog } from '../../src/pages/audit-log.tsx';

beforeEach(() => history.replaceState(null, '', '/'));
afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
});

const focused = () => document.activeElement;

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

it('stays in the dialog of a batch, and then goes to the heading of the list', async () => {
  const good: Outcome = { kind: 'good', word: 'delivered' };
  let end: (outcomes: Outcome[]) => void = () => undefined;
  const request: BatchRequest = {
    action: { perCall: 1, run: () => new Promise((resolve) => (end = resolve)) },
    // The rest is not looked at.
    find: () =>
      Promise.resolve([{ id: '1', report_type: 'org', report_id: 'r', stage: 'final' } as OpenDelivery]),
  };
  function View() {
    const [isOpen, setOpen] = useState(false);
    const [hasChanged, setChanged] = useState(false);
    const heading = useRef<HTMLHeadingElement>(null);
    return (
      <>
        <Panel
          title="Deliveries"
          headingRef={heading}
          actions={!hasChanged && <button onClick={() => setOpen(true)}>Retry 1</button>}
        >
          {null}
        </Panel>
        {isOpen && (
          <BatchDialog
            request={request}
            returnTo={heading}
            onChanged={() => setChanged(true)}
            onClose={() => setOpen(false)}
          />
        )}
      </>
    );
  }
  render(
    <SignedIn>
      <View />
    </SignedIn>,
  );
  const opener = screen.getByRole('button', { name: 'Retry 1' });
  await userEvent.click(opener);
  await userEvent.click(await screen.findByRole('button', { name: 'Cancel' }));
  await waitFor(() => expect(focused()).toBe(opener));

  await userEvent.click(opener);
  await userEvent.click(await screen.findByRole('button', { name: 'Retry 1 delivery' }));
  const dialog = screen.getByRole('alertdialog');
  const title = () => screen.getByRole('heading', { name: /1 delivery/ });
  expect(focused()).toBe(title());
  await act(async () => {
    end([good]);
    await Promise.resolve();
  });
  await screen.findByRole('button', { name: 'Close' });
  expect(dialog.contains(focused())).toBe(true);
  await userEvent.click(screen.getByRole('button', { name: 'Close' }));
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
