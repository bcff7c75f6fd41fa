import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import postgres from 'postgres';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTimeLapse, type TimeLapse } from '../../../tools/local/time-lapse.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';

let database: TestDatabase;
let sql: postgres.Sql;
let directory: string;
let lapse: TimeLapse;
beforeEach(async () => {
  database = await createTestDatabase();
  // One connection, whose plans are as old as it is.
  sql = postgres(database.url, { max: 1, onnotice: () => undefined });
  directory = await mkdtemp(join(tmpdir(), 'polaris-lapse-'));
  lapse = await createTimeLapse(directory);
});
afterEach(async () => {
  await lapse[Symbol.asyncDispose]();
  await sql.end();
  await database.drop();
  await rm(directory, { recursive: true });
});

const HOUR = 3600;

/** By how many hours each way of asking SQL for the time is ahead of this machine. */
async function hoursAhead(): Promise<Record<string, number>> {
  const asked = await sql.begin(async (transaction) => {
    const [direct] = await transaction`
      select now(), clock_timestamp(), pg_catalog.now() as qualified, pg_temp.in_plpgsql() as in_plpgsql,
        (select max(told) from (select clock_timestamp() as told from generate_series(1, 3)) row) as of_rows`;
    const [defaults] = await transaction`insert into defaulted default values returning *`;
    await transaction`set local role anon`;
    const [ofRole] = await transaction`select now() as as_anon, clock_timestamp() as clock_as_anon`;
    return { ...direct, ...defaults, ...ofRole };
  });
  return Object.fromEntries(
    Object.entries(asked).map(([name, time]) => [
      name,
      // Plus zero: there is a minus zero.
      Math.round((new Date(String(time)).getTime() - Date.now()) / HOUR / 1000) + 0,
    ]),
  );
}

const everywhere = (hours: number) => ({
  now: hours,
  clock_timestamp: hours,
  qualified: hours,
  in_plpgsql: hours,
  of_rows: hours,
  by_default: hours,
  clock_by_default: hours,
  as_anon: hours,
  clock_as_anon: hours,
});

describe('a time lapse', () => {
  it('moves the time of the database in every expression, also in plans that were made before', async () => {
    await sql`create temp table defaulted (
      by_default timestamptz default now(), clock_by_default timestamptz default clock_timestamp())`;
    await sql`
      create function pg_temp.in_plpgsql() returns timestamptz language plpgsql as $$
      declare v_time timestamptz := now(); begin return greatest(v_time, clock_timestamp()); end $$`;
    // Six times each: then the plan is kept.
    for (let time = 0; time < 6; time += 1) expect(await hoursAhead()).toEqual(everywhere(0));
    await lapse.attach(database.url);
    for (let time = 0; time < 6; time += 1) expect(await hoursAhead()).toEqual(everywhere(0));
    await lapse.pass(HOUR);
    for (let time = 0; time < 6; time += 1) expect(await hoursAhead()).toEqual(everywhere(1));
    await lapse.pass(36 * 24 * HOUR);
    expect(await hoursAhead()).toEqual(everywhere(36 * 24 + 1));
    expect(lapse.now() - Date.now()).toBeGreaterThan(36 * 24 * HOUR * 1000);
  });

  it('moves both clocks of a function, and its time of day alone where that is set', async () => {
    await lapse.attach(database.url);
    await lapse.pass(HOUR);
    await lapse.setFunctionsOff(-2 * HOUR * 1000);
    const program = `console.log(JSON.stringify([Date.now(), new Date().getTime(), performance.now()]))`;
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', program], {
      env: { PATH: process.env['PATH'], ...lapse.hostEnv },
    });
    const [now = 0, constructed = 0, monotonic = 0] = (JSON.parse(stdout) as number[]).map(
      (told, index) => (index < 2 ? told - Date.now() : told) / HOUR / 1000,
    );
    expect(now).toBeCloseTo(-1, 1);
    expect(constructed).toBeCloseTo(-1, 1);
    expect(monotonic).toBeCloseTo(1, 1);
  });

  it('refuses to pass time that the database would not know of', async () => {
    await expect(lapse.pass(1)).rejects.toThrow('the database does not have this clock yet');
  });
});
