import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scanJson } from '../../src/server/http/scan-json.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database[Symbol.asyncDispose]());

const scanner = { maxDepth: 100, open: [] };

/** What PostgreSQL prints of the value that it stores. */
async function stored(json: string): Promise<string> {
  const [row] = await database.sql`select ${json}::text::jsonb::text as printed`;
  return String(row?.['printed']);
}

describe('what the scanner accepts, PostgreSQL', () => {
  it('prints with every digit, and none of its numbers in more than the limit', async () => {
    const digits = fc
      .array(fc.constantFrom('0', '0', '1', '9', '5'), { minLength: 1, maxLength: 40 })
      .map((all) => all.join(''));
    const number = fc
      .tuple(
        fc.constantFrom('', '-'),
        fc.oneof(
          fc.constant('0'),
          digits.map((all) => `3${all}`),
        ),
        fc.oneof(
          fc.constant(''),
          digits.map((all) => `.${all}`),
        ),
        fc.oneof(
          fc.constant(''),
          fc.integer({ min: -70, max: 70 }).map((exponent) => `e${exponent}`),
        ),
      )
      .map((parts) => parts.join(''));
    const accepted = fc.sample(number, 2000).filter((text) => scanJson(text, scanner).ok);
    accepted.push('0e63', '-0', `0.${'0'.repeat(10_000)}7e10000`, `1e${'0'.repeat(1000)}63`, '9'.repeat(64));
    const printed = (await stored(`[${accepted.join(',')}]`)).slice(1, -1).split(', ');
    expect(printed).toHaveLength(accepted.length);
    for (const [index, text] of printed.entries()) {
      expect(text.replace(/[-.]/g, '').length).toBeLessThanOrEqual(64);
      // Zeros before and behind aside, which an exponent adds, the digits are those that were written.
      const significant = (given = '') => given.replace(/e.*|[-.]/g, '').replace(/^0+|0+$/g, '');
      expect(significant(text)).toBe(significant(accepted[index]));
    }
  });

  it('stores: 100 levels, every escape, any name', async () => {
    const texts = [
      `${'['.repeat(100)}${']'.repeat(100)}`,
      '{"__proto__": {"": "\\"\\\\\\/\\b\\f\\n\\r\\t"}, "\\u0001\\uffff": "\\ud83d\\ude00", "\u007f\u2028": "\\ufeff"}',
    ];
    for (const text of texts) {
      expect(scanJson(text, scanner)).toMatchObject({ ok: true });
      expect(JSON.parse(await stored(text))).toEqual(JSON.parse(text));
    }
  });
});

it.each(['"\\u0000"', '{"\\u0000":1}', '"\\ud800"', '["\\ude00\\ud83d"]'])(
  '%s, which PostgreSQL cannot store, is refused by the scanner',
  async (text) => {
    expect(scanJson(text, scanner)).toMatchObject({
      ok: false,
      issue: { path: expect.any(String) as string },
    });
    await expect(stored(text)).rejects.toThrow();
  },
);
