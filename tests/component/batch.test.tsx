import { act, cleanup, renderHook } from '@testing-library/react';
import type { DatabaseClient } from '../../src/services/database.ts';
import { afterEach, expect, it } from 'vitest';
import type { DeliveryAction, Outcome } from '../../src/console/delivery-actions.ts';
import { useBatch } from '../../src/console/use-batch.ts';
import type { OpenDelivery } from '../../src/contracts/console-deliveries.ts';

afterEach(cleanup);

const good: Outcome = { kind: 'good', word: 'delivered' };
// Neither is looked at by the batch itself.
const client = {} as unknown as DatabaseClient;
const deliveries = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ id: String(index) }) as OpenDelivery);

/** An action whose calls end when they are told to. */
function heldAction(perCall: number) {
  const calls: { ids: string[]; end: (outcomes?: Outcome[]) => void }[] = [];
  const action: DeliveryAction = {
    perCall,
    run: (_client, part) =>
      new Promise((resolve) => {
        calls.push({
          ids: part.map(({ id }) => id),
          end: (outcomes = part.map(() => good)) => resolve(outcomes),
        });
      }),
  };
  return { action, calls };
}

const settle = () =>
  act(async () => {
    await new Promise((resolve) => setTimeout(resolve));
  });

it('runs four calls at once, each of so many deliveries, and keeps an outcome for each', async () => {
  const { action, calls } = heldAction(2);
  const { result } = renderHook(() => useBatch(client, action));
  expect(result.current.state).toBe('ready');
  act(() => void result.current.start(deliveries(11)));
  expect(result.current.state).toBe('running');
  expect(calls.map(({ ids }) => ids)).toEqual([
    ['0', '1'],
    ['2', '3'],
    ['4', '5'],
    ['6', '7'],
  ]);
  calls[1]?.end([good, { kind: 'bad', word: 'failed again', detail: 'answered 502' }]);
  await settle();
  expect(result.current.done.map(({ delivery, outcome }) => [delivery.id, outcome.word])).toEqual([
    ['2', 'delivered'],
    ['3', 'failed again'],
  ]);
  expect(calls).toHaveLength(5);
  for (let next = 0; next < calls.length; next += 1) {
    calls[next]?.end();
    await settle();
  }
  expect(calls.map(({ ids }) => ids).at(-1)).toEqual(['10']);
  expect(result.current.state).toBe('over');
  expect(result.current.done).toHaveLength(11);
});

it('starts nothing more once it is stopped, and still has what came of what was under way', async () => {
  const { action, calls } = heldAction(1);
  const { result } = renderHook(() => useBatch(client, action));
  act(() => void result.current.start(deliveries(9)));
  act(() => result.current.stop());
  expect(result.current.state).toBe('stopping');
  for (const { end } of calls) end();
  await settle();
  expect(calls).toHaveLength(4);
  expect(result.current.state).toBe('over');
  expect(result.current.done.map(({ delivery }) => delivery.id)).toEqual(['0', '1', '2', '3']);
});

it('starts nothing more once its view is left', async () => {
  const { action, calls } = heldAction(1);
  const { result, unmount } = renderHook(() => useBatch(client, action));
  act(() => void result.current.start(deliveries(9)));
  unmount();
  for (const { end } of calls) end();
  await settle();
  expect(calls).toHaveLength(4);
});

it('is over at once where there is nothing to do', async () => {
  const { action } = heldAction(1);
  const { result } = renderHook(() => useBatch(client, action));
  await act(() => result.current.start([]));
  expect(result.current.state).toBe('over');
});
