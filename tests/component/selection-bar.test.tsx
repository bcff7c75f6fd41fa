import { cleanup, render, screen } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { afterEach, expect, it, vi } from 'vitest';
import { SelectionBar } from '../../src/console/views/deliveries/selection-bar.tsx';
import { countSendable } from '../../src/console/lib/delivery-actions.ts';
import {
  describePlanned,
  planFilterOf,
  selectionFilters,
  type PlanDraft,
} from '../../src/console/views/deliveries/plan-filter.ts';
import { PlanDialog } from '../../src/console/views/deliveries/plan-dialog.tsx';
import type { DeliveryQuery, OpenDelivery } from '../../src/contracts/console-deliveries.ts';
import type { CappedCount } from '../../src/contracts/paging.ts';
import type { Plan } from '../../src/contracts/plans.ts';
import { browserClient } from '../support/browser-session.ts';
import { renderSignedIn } from '../support/signed-in.tsx';

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const dead = (id: string, dead_reason: OpenDelivery['dead_reason']) =>
  // The component reads no other members.
  ({ id, dead_at: '2026-11-25T12:00:00Z', dead_reason, endpoint_id: 'final-report' }) as OpenDelivery;
const ROWS = [dead('1', 'attempts_exhausted'), dead('2', 'report_deleted'), dead('3', 'refused')];
const MANY = { count: 1000, capped: true };

const nothing = () => undefined;
const buttons = (
  sendable: CappedCount | null,
  {
    selected = [],
    areDeadOnly = true,
    onPlan = nothing,
  }: {
    selected?: readonly OpenDelivery[];
    areDeadOnly?: boolean;
    onPlan?: (draft: PlanDraft) => void;
  } = {},
) => {
  render(
    <SelectionBar
      selected={selected}
      sendable={sendable}
      areDeadOnly={areDeadOnly}
      planAll={{}}
      onPlan={onPlan}
      onClear={nothing}
    />,
  );
  return screen.getAllByRole<HTMLButtonElement>('button').map(({ textContent }) => textContent);
};

it('counts what can be redriven, and no delivery of a deleted report', () => {
  const sendable = countSendable({ status: 'dead' }, ROWS, false, { count: 3, capped: false });
  expect(buttons(sendable)).toEqual(['Redrive all 2']);
  cleanup();
  expect(buttons(sendable, { selected: ROWS })).toEqual(['Clear selection', 'Redrive 2']);
});

it('retries where others than dead letters are among them', () => {
  expect(buttons(MANY, { areDeadOnly: false })).toEqual(['Retry all 1,000+']);
  cleanup();
  const selected = [...ROWS, { ...dead('4', null), dead_at: null }];
  expect(buttons(MANY, { selected })).toEqual(['Clear selection', 'Retry 3']);
});

it('offers nothing where all are of deleted reports', () => {
  const deleted = ROWS.slice(1, 2);
  const sendable = countSendable({ status: 'dead' }, deleted, false, { count: 1, capped: false });
  expect(buttons(sendable)).toEqual(['Redrive all']);
  expect(screen.getByRole<HTMLButtonElement>('button').disabled).toBe(true);
});

it.each<[DeliveryQuery, string]>([
  [{}, 'Redrive all'],
  [{ status: 'dead' }, 'Redrive all'],
  [{ status: 'dead', dead_reason: 'report_deleted' }, 'Redrive all'],
  [{ status: 'dead', dead_reason: 'refused' }, 'Redrive all 1,000+'],
  [{ status: 'failed' }, 'Redrive all 1,000+'],
])('of a long list by %o it gives no number that it does not know', (filter, name) => {
  expect(buttons(countSendable(filter, ROWS, true, MANY))[0]).toBe(name);
});

it('asks for a plan about those that are selected and can be sent, else about all that match', () => {
  const drafts: PlanDraft[] = [];
  const onPlan = (draft: PlanDraft) => drafts.push(draft);
  const selected = ROWS.map((row) => ({ ...row, event_id: `evt_${row.id}` }));
  buttons({ count: 2, capped: false }, { selected, onPlan });
  screen.getByRole('button', { name: 'Redrive 2' }).click();
  cleanup();
  buttons(MANY, { areDeadOnly: false, onPlan });
  screen.getByRole('button', { name: 'Retry all 1,000+' }).click();
  expect(drafts).toEqual([
    {
      kind: 'redrive',
      filters: [{ event_ids: ['evt_1', 'evt_3'], endpoint_id: 'final-report' }],
      count: '2 deliveries',
    },
    { kind: 'retry', filters: [{}], count: '1,000+ deliveries' },
  ]);
});

it('names the stage and the endpoint that the list shows', () => {
  const filter = { status: 'dead', stage: 'final', endpoint_id: 'ep-0123456789abcdef' } as const;
  expect(planFilterOf(filter)).toEqual(filter);
  // Not one endpoint: subscribers also get events of this stage.
  expect(planFilterOf({ stage: 'final' })).toEqual({ stage: 'final' });
  expect(describePlanned('retry', { stage: 'final', report_type: 'org' })).toBe('Retry: Org, final');
});

it('requests a plan for each endpoint of a selection, and begins again with the one that failed', async () => {
  const at = (event_id: string, endpoint_id: string) => ({
    ...dead(event_id, 'attempts_exhausted'),
    event_id,
    endpoint_id,
  });
  const filters = selectionFilters([
    at('evt_1', 'final-report'),
    at('evt_1', 'ep-0123456789abcdef'),
    at('evt_2', 'ep-0123456789abcdef'),
    // A replay of the same event.
    at('evt_2', 'ep-0123456789abcdef'),
  ]);
  const bodies: { request_id: string; name: string; filter: object }[] = [];
  vi.stubGlobal('fetch', (_path: string, init?: RequestInit) => {
    if (typeof init?.body === 'string') bodies.push(JSON.parse(init.body) as (typeof bodies)[number]);
    if (bodies.length === 2) return Promise.reject(new TypeError('Failed to fetch'));
    return Promise.resolve(Response.json({ plan: PLAN }, { status: 202 }));
  });
  const onPlanned = vi.fn();
  renderSignedIn(
    browserClient(() => Response.json(null)),
    <PlanDialog
      draft={{ kind: 'redrive', filters, count: '4 deliveries' }}
      returnTo={{ current: null }}
      onPlanned={onPlanned}
      onClose={nothing}
    />,
  );
  expect(screen.getByText(/Each of the 2 endpoints has a plan of its own\./)).toBeTruthy();
  await userEvent.type(screen.getByLabelText('Reason'), 'Repaired');
  await userEvent.click(screen.getByRole('button', { name: 'Redrive 4 deliveries' }));
  expect(await screen.findByText('The server cannot be reached')).toBeTruthy();
  expect(onPlanned).not.toHaveBeenCalled();
  await userEvent.click(screen.getByRole('button', { name: 'Redrive 4 deliveries' }));
  await vi.waitFor(() => expect(onPlanned).toHaveBeenCalledOnce(), 10_000);
  // The first plan is not requested again.
  const [first, lost, again, ...more] = bodies.map(({ request_id }) => request_id);
  expect([again, more]).toEqual([lost, []]);
  expect(first).not.toBe(lost);
  expect(bodies.slice(0, 2).map(({ name, filter }) => ({ name, filter }))).toEqual([
    {
      name: 'Redrive: selected deliveries at final-report',
      filter: { event_ids: ['evt_1'], endpoint_id: 'final-report' },
    },
    {
      name: 'Redrive: selected deliveries at ep-0123456789abcdef',
      filter: { event_ids: ['evt_1', 'evt_2'], endpoint_id: 'ep-0123456789abcdef' },
    },
  ]);
});

const PLAN: Plan = {
  id: '7',
  kind: 'redrive',
  name: 'A name',
  reason: 'Repaired',
  filter: {},
  actor: 'operator',
  created_at: '2026-11-25T12:00:00Z',
  status: 'running',
  preview: null,
  applied_at: null,
  total: 1,
  outcomes: { redriven: 0, brought_forward: 0, changed: 0, held: 0, error: 0, planned: 0, content_erased: 0 },
  passes: 0,
  last_error: null,
  cancelled_by: null,
  finished_at: null,
};
