import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { measureEntry } from '../../tools/bench/hostile-database.ts';
import { ENTRIES, type HostileEntry } from '../../tools/bench/hostile-entries.ts';
import { SHAPES } from '../../tools/bench/hostile-shapes.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

/** Rule 14: the database's cost of a value is at most proportional to its size, whatever its shape. */

/** The most expensive shapes of `npm run bench -- hostile`. */
const DEAREST = ['many small numbers', 'many members', 'empty objects', 'wide and deep'];
const MOST_BYTES = 512 * 1024;
const RUNS = 3;
/** Of four times the size: in proportion it is about 4, with the square of the size 16. */
const MOST_RATIO = 8;
/** `drop()` verifies all that was stored. */
const TIMEOUT_MS = 180_000;

let database: TestDatabase;
/** One connection, whose CPU time is measured. */
let sql: postgres.Sql;
beforeAll(async () => {
  database = await createTestDatabase();
  sql = postgres(database.url, { max: 1, onnotice: () => undefined });
});
afterAll(async () => {
  await sql.end();
  await database.drop();
}, TIMEOUT_MS);

const shapes = SHAPES.filter(({ name }) => DEAREST.includes(name));

/** How many times as much four times the size costs, each the least of some runs: what else the machine does only adds. */
async function ratioOf(entry: HostileEntry, make: (bytes: number) => string): Promise<number> {
  const least = async (value: string) => {
    const runs: number[] = [];
    for (let run = 0; run < RUNS; run += 1) runs.push((await measureEntry(sql, entry, value)).ms);
    return Math.min(...runs);
  };
  const bytes = Math.min(entry.bytes, MOST_BYTES);
  const quarter = await least(make(bytes / 4));
  return (await least(make(bytes))) / quarter;
}

it('tries the most expensive shapes', () => {
  expect(shapes).toHaveLength(DEAREST.length);
});

describe.each(ENTRIES)('$name', (entry) => {
  it(
    'costs at most in proportion to the size of the value',
    async () => {
      const ratios: Record<string, number> = {};
      for (const { name, make } of shapes) {
        let ratio = await ratioOf(entry, make);
        // A measurement that was disturbed is repeated once; the square of a size does not go away.
        if (ratio > MOST_RATIO) ratio = Math.min(ratio, await ratioOf(entry, make));
        if (ratio > MOST_RATIO) ratios[name] = ratio;
      }
      expect(ratios).toEqual({});
    },
    TIMEOUT_MS,
  );
});
