import { afterEach, expect, it } from 'vitest';
import { currentToasts, dismissAll, notify } from '../../src/console/lib/toasts.ts';

afterEach(dismissAll);

it('keeps every error until it is closed, and the newest four of the others', () => {
  for (let count = 1; count <= 6; count += 1) {
    notify({ kind: 'error', title: `error ${count}` });
    notify({ kind: count % 2 === 0 ? 'success' : 'info', title: `other ${count}` });
  }
  const titles = currentToasts().map(({ title }) => title);
  expect(titles.filter((title) => title.startsWith('error'))).toHaveLength(6);
  expect(titles.filter((title) => title.startsWith('other'))).toEqual([
    'other 3',
    'other 4',
    'other 5',
    'other 6',
  ]);
});
