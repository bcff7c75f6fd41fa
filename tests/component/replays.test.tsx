import { cleanup, fireEvent, screen, waitFor } from '@testing-library/react';
import { afterEach, expect, it, vi } from 'vitest';
import { describePlan } from '../../src/console/views/deliveries/plan-panel.tsx';
import { ProposeForm } from '../../src/console/views/replays/propose-form.tsx';
import { Replays } from '../../src/console/views/replays/page.tsx';
import { ReplayItem } from '../../src/console/views/replays/replay-item.tsx';
import { describePreview, formatBytes, formatExpected } from '../../src/console/views/replays/words.ts';
import type { Plan, ReplayPreview } from '../../src/contracts/plans.ts';
import { browserClient } from '../support/browser-session.ts';
import { renderSignedIn } from '../support/signed-in.tsx';
import { SUBSCRIBER_ID, subscriberView } from '../support/subscriber-view.ts';

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const AT = '2026-11-25T12:00:00Z';
const preview: ReplayPreview = {
  is_whole: true,
  events: 1200,
  deliveries: 1200,
  erased: 3,
  bytes: 3_500_000,
  confirmed: 1100,
  expected_seconds: 125,
  samples: [
    {
      event_id: 'evt_1',
      endpoint_id: SUBSCRIBER_ID,
      type: 'report.final.completed',
      report_type: 'org',
      report_id: '00000000-0000-4000-8000-000000000001',
      applied_at: AT,
    },
  ],
};
const proposed: Plan = {
  id: '7',
  kind: 'replay',
  name: 'Replay to hooks.example.org',
  reason: 'It lost its database',
  filter: { endpoint_ids: [SUBSCRIBER_ID], report_type: 'org' },
  actor: 'operator',
  created_at: AT,
  status: 'proposed',
  preview,
  applied_at: null,
  total: null,
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
const row = { 'data-row': '7', tabIndex: 0 as const, onFocus: () => undefined };
const client = () => browserClient(() => Response.json([]));

it('says what a replay would do, with its size and its time', () => {
  expect(describePreview(preview)).toEqual([
    'Sends 1,200 events in 1,200 deliveries, 3.3 MB, in about 3 min.',
    '1,100 of them are confirmed already and would be sent again.',
    '3 events are not sent: their content is erased.',
  ]);
  expect(describePreview({ ...preview, is_whole: false, erased: 0, confirmed: 0 })).toEqual([
    'Sends at least 1,200 events in at least 1,200 deliveries, at least 3.3 MB, in about 3 min.',
    'None of them is confirmed yet.',
    'Only the first 20,000 events were counted.',
  ]);
  expect(describePreview({ ...preview, deliveries: 0, erased: 0 })).toEqual([
    'No event matches: nothing would be sent.',
  ]);
});

it.each([
  [1, '1 byte'],
  [1023, '1,023 bytes'],
  [12_288, '12 KB'],
  [3_565_158, '3.4 MB'],
  [52_428_800, '50 MB'],
])('writes %d bytes as %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

it.each([
  [40, '40 s'],
  [61, '2 min'],
  [7800, '2 h 10 min'],
  [7200, '2 h'],
])('writes %d seconds as %s', (seconds, text) => expect(formatExpected(seconds)).toBe(text));

it('applies a proposal only when it is asked to, and offers nothing of one that has ended', async () => {
  const calls: string[] = [];
  vi.stubGlobal('fetch', (path: string, init?: RequestInit) => {
    const body = typeof init?.body === 'string' ? init.body : '';
    calls.push(`${init?.method} ${path} ${body}`);
    return Promise.resolve(Response.json({ plan: { ...proposed, status: 'running' } }));
  });
  renderSignedIn(
    client(),
    <ul>
      <ReplayItem plan={proposed} subscribers={[subscriberView()]} row={row} />
    </ul>,
  );
  expect(screen.getByRole('table', { name: 'Samples' }).textContent).toContain('final completed');
  expect(screen.getByText(/^Proposed: nothing is sent/)).toBeTruthy();
  expect(calls).toEqual([]);
  fireEvent.click(screen.getByRole('button', { name: /^Apply/ }));
  await waitFor(() => expect(calls).toEqual(['PATCH /api/plans?plan=7 {"apply":true}']));
  cleanup();
  renderSignedIn(
    client(),
    <ul>
      <ReplayItem
        plan={{
          ...proposed,
          status: 'done',
          outcomes: { ...proposed.outcomes, planned: 1200, content_erased: 3 },
        }}
        subscribers={[]}
        row={row}
      />
    </ul>,
  );
  expect(screen.getByText('1,200 of 1,200 made due; 3 left out: content erased.')).toBeTruthy();
  expect(screen.queryAllByRole('button')).toEqual([]);
});

it('asks for nobody, and for no reason, before it proposes', async () => {
  const bodies: unknown[] = [];
  vi.stubGlobal('fetch', (_path: string, init?: RequestInit) => {
    bodies.push(typeof init?.body === 'string' ? JSON.parse(init.body) : undefined);
    return Promise.resolve(Response.json({ plan: proposed }, { status: 202 }));
  });
  const onClose = vi.fn();
  renderSignedIn(
    client(),
    <ProposeForm subscribers={[subscriberView()]} chosen={undefined} onClose={onClose} />,
  );
  const send = screen.getByRole('button', { name: 'Preview' });
  fireEvent.click(send);
  expect(screen.getByText('Choose the subscribers.')).toBeTruthy();
  expect(screen.getByText('Give a reason: it is stored with the plan.')).toBeTruthy();
  fireEvent.click(screen.getByRole('checkbox', { name: /^hooks.example.org/ }));
  fireEvent.change(screen.getByLabelText('Reason'), { target: { value: 'It lost its database' } });
  fireEvent.change(screen.getByLabelText(/^Most deliveries per second/), { target: { value: '2000' } });
  fireEvent.click(send);
  expect(screen.getByText('A whole number from 1 to 1,000, or empty.')).toBeTruthy();
  expect(bodies).toEqual([]);
  fireEvent.change(screen.getByLabelText(/^Most deliveries per second/), { target: { value: '20' } });
  fireEvent.click(screen.getByRole('checkbox', { name: 'final completed' }));
  fireEvent.click(send);
  await waitFor(() => expect(onClose).toHaveBeenCalledOnce());
  expect(bodies).toMatchObject([
    {
      kind: 'replay',
      name: 'Replay to hooks.example.org: 1 type',
      reason: 'It lost its database',
      filter: { endpoint_ids: [SUBSCRIBER_ID], types: ['report.final.completed'], rate_per_second: 20 },
    },
  ]);
});

it('shows no form, and does not say that there is no subscriber, when subscribers cannot be read', async () => {
  vi.stubGlobal('fetch', () =>
    Promise.resolve(
      Response.json({ type: 'about:blank', title: 'no', status: 403, code: 'forbidden' }, { status: 403 }),
    ),
  );
  renderSignedIn(
    browserClient(() => Response.json({ rows: [], next: null })),
    <Replays />,
  );
  fireEvent.click(screen.getByRole('button', { name: 'Propose a replay' }));
  expect((await screen.findByRole('alert')).textContent).toContain('You may not do this');
  expect(screen.queryByText('No subscriber yet')).toBeNull();
  expect(screen.queryByRole('heading', { name: 'Propose a replay' })).toBeNull();
});

it('says among all plans that a replay is proposed, and how far one is', () => {
  expect(describePlan(proposed)).toBe('Proposed: nothing is sent until the plan is applied.');
  const running: Plan = { ...proposed, status: 'running', outcomes: { ...proposed.outcomes, planned: 20 } };
  expect(describePlan(running)).toBe('20 sent again.');
});
