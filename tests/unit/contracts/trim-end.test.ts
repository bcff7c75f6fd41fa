import { describe, expect, it } from 'vitest';
import { trimEndOf } from '../../../src/contracts/trim-end.ts';
import { cpuMsOf, MOST_CPU_MS } from '../../support/cpu-ms.ts';

describe('trimming the end of a text', () => {
  it.each([
    ['1000', '0', '1'],
    ['1001', '0', '1001'],
    ['000', '0', ''],
    ['', '0', ''],
    ['why?!.', '.!?', 'why'],
    ['.a.b.', '.', '.a.b'],
  ])('of %j without %j leaves %j', (text, characters, rest) => {
    expect(trimEndOf(text, characters)).toBe(rest);
  });

  it('costs no more for a long run that is not at the end', async () => {
    const text = `1${'0'.repeat(1_000_000)}1`;
    expect(await cpuMsOf(() => expect(trimEndOf(text, '0')).toBe(text))).toBeLessThan(MOST_CPU_MS);
  });
});
