import { cleanup, render, screen } from '@testing-library/react';
import { afterEach, expect, it } from 'vitest';
import { SelectionBar } from '../../src/components/deliveries/selection-bar.tsx';
import type { PlanDraft } from '../../src/components/deliveries/cause-panel.tsx';
import { countSendable } from '../../src/console/delivery-actions.ts';
import type { DeliveryQuery, OpenDelivery } from '../../src/contracts/console-deliveries.ts';
import type { CappedCount } from '../../src/contracts/paging.ts';

afterEach(cleanup);

const dead = (id: string, dead_reason: OpenDelivery['dead_reason']) =>
  // The rest is not looked at.
  ({ id, dead_at: '2026-11-25T12:00:00Z', dead_reason }) as OpenDelivery;
const ROWS = [dead('1', 'attempts_exhausted'), dead('2', 'report_deleted'), dead('3', 'refused')];
const MANY = { count: 1000, capped: true };

const nothing = () => undefined;
const buttons = (
  sendable: CappedCount | null,
  selected: readonly OpenDelivery[] = [],
  onPlan: (draft: PlanDraft) => void = nothing,
) => {
  render(
    <SelectionBar
      selected={selected}
      sendable={sendable}
      areDeadOnly
      findAll={() => Promise.resolve([])}
      planAll={{}}
      onRequest={nothing}
      onPlan={onPlan}
      onClear={nothing}
    />,
  );
  return screen.getAllByRole<HTMLButtonElement>('button').map(({ textContent }) => textContent);
};

it('counts what can be redriven, and no delivery of a deleted report', () => {
  const sendable = countSendable({ status: 'dead' }, ROWS, false, { count: 3, capped: false });
  expect(buttons(sendable)).toEqual(['Retry all 2', 'Redrive all 2']);
  cleanup();
  expect(buttons(sendable, ROWS)).toEqual(['Clear selection', 'Retry 2', 'Redrive 2']);
});

it('offers nothing where all are of deleted reports', () => {
  const deleted = ROWS.slice(1, 2);
  expect(buttons(countSendable({ status: 'dead' }, deleted, false, { count: 1, capped: false }))).toEqual([
    'Retry all',
    'Redrive all',
  ]);
  for (const button of screen.getAllByRole<HTMLButtonElement>('button')) expect(button.disabled).toBe(true);
});

it.each<[DeliveryQuery, string]>([
  [{}, 'Redrive all'],
  [{ status: 'dead' }, 'Redrive all'],
  [{ status: 'dead', dead_reason: 'report_deleted' }, 'Redrive all'],
  [{ status: 'dead', dead_reason: 'refused' }, 'Redrive all 1,000+'],
  [{ status: 'failed' }, 'Redrive all 1,000+'],
])('of a long list by %o it gives no number that it does not know', (filter, name) => {
  expect(buttons(countSendable(filter, ROWS, true, MANY))[1]).toBe(name);
});

it('asks for a plan about those that are selected and can be redriven, else about all that match', () => {
  const drafts: PlanDraft[] = [];
  const rows = ROWS.map((row) => ({ ...row, event_id: `evt_${row.id}` }));
  buttons({ count: 2, capped: false }, rows, (draft) => drafts.push(draft));
  screen.getByRole('button', { name: 'Redrive 2' }).click();
  cleanup();
  buttons({ count: 1000, capped: true }, [], (draft) => drafts.push(draft));
  screen.getByRole('button', { name: 'Redrive all 1,000+' }).click();
  expect(drafts).toEqual([
    { filter: { event_ids: ['evt_1', 'evt_3'] }, count: '2 deliveries' },
    { filter: {}, count: '1,000+ deliveries' },
  ]);
});
