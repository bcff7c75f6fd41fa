import { afterEach, expect, it, vi } from 'vitest';
import { cleanup, screen } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { redrive } from '../../src/console/lib/delivery-actions.ts';
import type { OpenDelivery } from '../../src/contracts/console-deliveries.ts';
import { DeliveryButtons } from '../../src/console/ui/delivery-buttons.tsx';
import { currentToasts, dismissAll } from '../../src/console/lib/toasts.ts';
import { browserClient, type Network } from '../support/browser-session.ts';
import { renderSignedIn } from '../support/signed-in.tsx';

afterEach(() => {
  cleanup();
  dismissAll();
  vi.unstubAllGlobals();
});

const AT = '2026-11-25T12:00:00Z';
const dead: OpenDelivery = {
  id: '1',
  event_id: 'dead',
  job_id: 'job',
  report_type: 'org',
  report_id: '00000000-0000-4000-8000-000000000002',
  endpoint_id: 'final-report',
  stage: 'final',
  status: 'failed',
  attempts: 7,
  created_at: AT,
  last_attempt: AT,
  next_attempt: null,
  dead_at: AT,
  dead_reason: 'attempts_exhausted',
  error: 'answered 502',
  response_status: 502,
  response_excerpt: null,
  channel: 'direct',
  effect: 'applied',
};
/** How each of them stands when it is looked at after the redrive. */
const after = [
  dead,
  { ...dead, event_id: 'delivered', status: 'success', dead_at: null, dead_reason: null },
  { ...dead, event_id: 'redriven', next_attempt: AT, dead_at: null, dead_reason: null },
];

it('tells apart what is back on schedule, what has been delivered meanwhile, and what was left', async () => {
  const network: Network = async (url, init) => {
    if (url.pathname.endsWith('/redrive')) return Response.json({ redriven: 0 });
    const { p_event_id } = (await new Request(url, init).json()) as { p_event_id: string };
    const delivery = after.find(({ event_id }) => event_id === p_event_id);
    return Response.json({ event: null, job: null, delivery, steps: [], truncated: false });
  };
  vi.stubGlobal('fetch', (path: string, init?: RequestInit) => network(new URL(path, location.href), init));
  const chosen = after.map(({ event_id }) => ({ ...dead, event_id }));
  const client = browserClient(network);
  const outcomes = await Promise.all(chosen.map((delivery) => redrive(client, delivery)));
  expect(outcomes.map(({ word, detail }) => [word, detail])).toEqual([
    ['not redriven', 'The delivery is closed, or another process holds it.'],
    ['not redriven', 'The delivery has already succeeded.'],
    ['back on schedule', 'The next sweep sends the delivery, within a minute.'],
  ]);
});

it('redrives at a subscriber only the delivery of the row, and offers no retry there', async () => {
  const bodies: unknown[] = [];
  vi.stubGlobal('fetch', (_path: string, init?: RequestInit) => {
    bodies.push(typeof init?.body === 'string' ? JSON.parse(init.body) : undefined);
    // The live delivery and a replay of it.
    return Promise.resolve(Response.json({ redriven: 2 }));
  });
  const delivery = { ...dead, endpoint_id: 'ep-0123456789abcdef' };
  renderSignedIn(
    browserClient(() => Response.json(null)),
    <DeliveryButtons delivery={delivery} name="One" />,
  );
  expect(screen.getAllByRole('button').map(({ textContent }) => textContent.trim())).toEqual(['Redrive']);
  await userEvent.click(screen.getByRole('button', { name: 'Redrive One' }));
  await vi.waitFor(() => expect(currentToasts()).toHaveLength(1), 10_000);
  expect(currentToasts()).toMatchObject([{ kind: 'success', title: 'One: back on schedule' }]);
  expect(bodies).toEqual([{ event_ids: ['dead'], endpoint_id: 'ep-0123456789abcdef' }]);
});

it('offers nothing for a delivery to a subscriber that waits, and a retry for one of ours', () => {
  const client = browserClient(() => Response.json(null));
  const waiting = { ...dead, dead_at: null, dead_reason: null, next_attempt: AT };
  renderSignedIn(
    client,
    <DeliveryButtons delivery={{ ...waiting, endpoint_id: 'ep-0123456789abcdef' }} name="One" />,
  );
  expect(screen.queryAllByRole('button')).toEqual([]);
  cleanup();
  renderSignedIn(client, <DeliveryButtons delivery={waiting} name="One" />);
  expect(screen.getByRole('button', { name: 'Retry One' })).toBeTruthy();
});

it('does not ask the event about a delivery to a subscriber that was not redriven', async () => {
  const network = vi.fn<Network>((url) =>
    url.pathname.endsWith('/redrive') ? Response.json({ redriven: 0 }) : Response.json(null),
  );
  vi.stubGlobal('fetch', (path: string, init?: RequestInit) => network(new URL(path, location.href), init));
  const outcome = await redrive(browserClient(network), { ...dead, endpoint_id: 'ep-0123456789abcdef' });
  expect(outcome).toEqual({
    kind: 'none',
    word: 'not redriven',
    detail: 'The delivery is no dead letter any more, is closed, or another process holds it.',
  });
  expect(network).toHaveBeenCalledTimes(1);
});
