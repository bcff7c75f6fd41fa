import { cleanup, render, screen } from '@testing-library/react';
import { afterEach, expect, it } from 'vitest';
import { SelectionBar } from '../../src/console/views/deliveries/selection-bar.tsx';
import { countSendable } from '../../src/console/lib/delivery-actions.ts';
import type { PlanDraft } from '../../src/console/views/deliveries/plan-filter.ts';
import type { DeliveryQuery, OpenDelivery } from '../../src/contracts/console-deliveries.ts';
import type { CappedCount } from '../../src/contracts/paging.ts';

afterEach(cleanup);

const dead = (id: string, dead_reason: OpenDelivery['dead_reason']) =>
  // The component reads no other members.
  ({ id, dead_at: '2026-11-25T12:00:00Z', dead_reason }) as OpenDelivery;
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
    { kind: 'redrive', filter: { event_ids: ['evt_1', 'evt_3'] }, count: '2 deliveries' },
    { kind: 'retry', filter: {}, count: '1,000+ deliveries' },
  ]);
});
