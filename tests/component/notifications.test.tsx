import { cleanup, screen } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { afterEach, expect, it, vi } from 'vitest';
import { currentToasts, dismissAll } from '../../src/console/lib/toasts.ts';
import { Notifications } from '../../src/console/views/notifications/page.tsx';
import { browserClient, type Network } from '../support/browser-session.ts';
import { renderSignedIn } from '../support/signed-in.tsx';

afterEach(() => {
  cleanup();
  dismissAll();
});

const AT = '2026-11-25T12:00:00Z';
const unread = {
  id: 1,
  report_type: 'org',
  report_id: '00000000-0000-4000-8000-000000000002',
  event_id: 'evt_1',
  created_at: AT,
  read_at: null,
  title: 'Harbour',
};

/** Marks one as read; `answer` is what the database answers to that. */
async function mark(answer: () => Response): Promise<void> {
  let isMarked = false;
  const network: Network = ({ pathname }) => {
    if (pathname.endsWith('/report_notifications')) {
      isMarked = true;
      return answer();
    }
    const rows = [{ ...unread, read_at: isMarked ? AT : null }];
    return Response.json({ rows, next: null, unread: isMarked ? 0 : 1 });
  };
  renderSignedIn(browserClient(network), <Notifications />);
  await userEvent.click(await screen.findByRole('button', { name: 'Mark as read: Harbour' }));
  await vi.waitFor(
    () => expect(screen.queryByRole('button', { name: 'Mark as read: Harbour' })).toBeNull(),
    10_000,
  );
}

it('says nothing of a notification that another tab has marked as read', async () => {
  await mark(() => Response.json([]));
  expect(currentToasts()).toEqual([]);
});

it('says why a notification could not be marked as read', async () => {
  await mark(() => Response.json({ code: '42501', message: 'denied' }, { status: 403 }));
  expect(currentToasts()).toMatchObject([{ kind: 'error', title: 'You may not see or change this' }]);
});
