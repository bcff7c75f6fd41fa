import { expect, it } from 'vitest';
import { describeBacklog } from '../../src/console/views/deliveries/backlog.tsx';

it.each([
  [1, 4, '1 delivery is due. The next sweep sends it. 4 arrived in the last minute: about 1 min left.'],
  [
    2500,
    1000,
    '2,500 deliveries are due. The next sweeps send them. 1,000 arrived in the last minute: about 3 min left.',
  ],
  [
    20_001,
    1000,
    'More than 20,000 deliveries are due. The next sweeps send them. 1,000 arrived in the last minute: more than 21 min left.',
  ],
  [2, 0, '2 deliveries are due. The next sweeps send them. None arrived in the last minute.'],
])('%s due at %s a minute', (due, confirmed, text) => {
  expect(describeBacklog({ due, confirmed })).toBe(text);
});
