import { expect, it } from 'vitest';
import { STATUS_COUNTED } from '../../../src/contracts/console-status.ts';
import { counted } from '../../../tools/polaris/words.ts';

it('a count that stopped at its limit reads as more than the limit', () => {
  expect(counted(STATUS_COUNTED)).toBe('1,000');
  expect(counted(STATUS_COUNTED + 1)).toBe('more than 1,000');
});
