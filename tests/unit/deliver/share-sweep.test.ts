import { describe, expect, it } from 'vitest';
import { FUNCTION_SECONDS } from '../../../src/contracts/constants.ts';
import { helperTimeoutMs } from '../../../src/server/deliver/share-sweep.ts';
import { SWEEP_BUDGET_MS } from '../../../src/server/deliver/sweep-deliveries.ts';

describe('the time that a parallel sweep is given', () => {
  it.each([100, 10_000, 20_000, 60_000])(
    'outlasts its last round with WEBHOOK_TIMEOUT_MS=%d, and ends before the function does',
    (timeoutMs) => {
      expect(helperTimeoutMs(timeoutMs)).toBeGreaterThan(SWEEP_BUDGET_MS + 2 * timeoutMs);
      expect(helperTimeoutMs(timeoutMs)).toBeLessThan(FUNCTION_SECONDS * 1000);
    },
  );
});
