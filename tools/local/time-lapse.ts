import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { asRole } from './hosted-roles.ts';

/** Functions read the file of their clock this often at most: see `shifted-clock.ts`. */
const NOTICED_WITHIN_MS = 60;

/** Lets minutes and days pass in a local system without waiting for them. */
export interface TimeLapse extends AsyncDisposable {
  /** For the host of the functions, so that they have this clock. */
  hostEnv: Readonly<Record<string, string>>;
  /** Gives this clock to the database, which must be of this machine and of no use to anybody else. */
  attach(databaseUrl: string): Promise<void>;
  /** Time passes, for database and functions alike. Nothing may be under way. */
  pass(seconds: number): Promise<void>;
  /** The functions' time of day, and it alone, is so far off the database's. */
  setFunctionsOff(ms: number): Promise<void>;
  /** Milliseconds since the epoch, by this clock. */
  now(): number;
  /** Seconds that have passed, real ones and others. */
  passedSeconds(): number;
}

/**
 * SQL asks for the time by `now()` and `clock_timestamp()` alone; a superuser replaces both. PostgreSQL does not expect that: it
 * runs a built-in function without looking, unless it can inline another body, and keeps plans in which it did. So the bodies
 * are SQL that can be inlined (a strict one could not) and calls `passed()`, a function whose plans are forgotten when it changes, since it is stable (an immutable
 * one would become a constant); the new schema makes every connection forget the plans that it has. The server's own timers, such as `statement_timeout`, go by the machine's clock.
 */
const INSTALL = `
  create schema local_clock;
  grant usage on schema local_clock to public;
  create function local_clock.machine_now() returns timestamptz
    language internal stable strict parallel safe as 'now';
  create function local_clock.machine_clock_timestamp() returns timestamptz
    language internal volatile strict parallel safe as 'clock_timestamp';
  create function local_clock.passed() returns interval
    language sql stable parallel safe as $$ select interval '0 s' $$;
  grant execute on all functions in schema local_clock to public;
  create or replace function pg_catalog.now() returns timestamptz
    language sql stable parallel safe
    as $$ select local_clock.machine_now() + local_clock.passed() $$;
  create or replace function pg_catalog.clock_timestamp() returns timestamptz
    language sql volatile parallel safe
    as $$ select local_clock.machine_clock_timestamp() + local_clock.passed() $$;`;

/** @param directory where the file of the clock may stand for as long as the functions run */
export async function createTimeLapse(directory: string): Promise<TimeLapse> {
  const file = join(directory, 'clock');
  const preload = new URL(`./shifted-clock.ts?file=${encodeURIComponent(file)}`, import.meta.url).href;
  const began = performance.now();
  let passedMs = 0;
  let offMs = 0;
  let admin: postgres.Sql | undefined;
  const tellFunctions = async () => {
    await writeFile(file, `${offMs} ${passedMs}`);
    await sleep(NOTICED_WITHIN_MS);
  };
  await tellFunctions();

  return {
    hostEnv: { NODE_OPTIONS: `--import ${preload}` },
    async attach(databaseUrl) {
      admin = postgres(asRole(databaseUrl, 'supabase_admin'), { max: 1, onnotice: () => undefined });
      await admin.begin((transaction) => transaction.unsafe(INSTALL));
    },
    async pass(seconds) {
      if (admin === undefined) throw new Error('the database does not have this clock yet');
      passedMs += seconds * 1000;
      await admin.unsafe(`
        create or replace function local_clock.passed() returns interval
        language sql stable parallel safe as $$ select interval '${passedMs / 1000} s' $$`);
      await tellFunctions();
    },
    async setFunctionsOff(ms) {
      offMs = ms;
      await tellFunctions();
    },
    now: () => Date.now() + passedMs,
    passedSeconds: () => (performance.now() - began + passedMs) / 1000,
    async [Symbol.asyncDispose]() {
      await admin?.end({ timeout: 5 });
    },
  };
}
