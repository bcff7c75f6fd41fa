import { cleanup, render, screen } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { afterEach, expect, it } from 'vitest';
import { BatchProgress } from '../../src/components/deliveries/batch-progress.tsx';
import type { Outcome } from '../../src/console/delivery-actions.ts';
import type { Done } from '../../src/console/use-batch.ts';
import type { OpenDelivery } from '../../src/contracts/console-deliveries.ts';

afterEach(cleanup);

const done = (id: number, outcome: Outcome): Done => ({
  // The rest is not looked at.
  delivery: { id: String(id), report_type: 'org', stage: 'final', report_id: `report-${id}` } as OpenDelivery,
  outcome,
});

it('shows what failed first, and all of it when asked', async () => {
  const failed = Array.from({ length: 450 }, (_, id) => done(id, { kind: 'bad', word: `fault ${id}` }));
  const good = done(450, { kind: 'good', word: 'delivered' });
  render(<BatchProgress total={451} done={[good, ...failed]} />);
  const faults = () => screen.getAllByText(/^fault/).length;
  expect(faults()).toBe(200);
  expect(screen.getByText('and 251 more')).toBeDefined();
  const more = screen.getByRole('button', { name: 'Show more' });
  await userEvent.click(more);
  expect(faults()).toBe(400);
  expect(document.activeElement).toBe(more);
  await userEvent.click(more);
  expect(faults()).toBe(450);
  expect(screen.getByText('delivered')).toBeDefined();
  expect(screen.queryByRole('button', { name: 'Show more' })).toBeNull();
  expect(document.activeElement).toBe(screen.getByRole('list', { name: 'Outcomes' }));
});
