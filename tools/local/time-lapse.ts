import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { asRole } from './hosted-roles.ts';

/** Functions read the clock's file at most this often: see `shifted-clock.ts`. */
const NOTICED_WITHIN_MS = 60;

/** Moves a local system's clock ahead without waiting. */
export interface TimeLapse extends AsyncDisposable {
  /** Environment of the functions' host that installs this clock. */
  hostEnv: Readonly<Record<string, string>>;
  /** Installs this clock in the database, which must be local and not be used for anything else. */
  attach(databaseUrl: string): Promise<void>;
  /** Moves the clock of database and functions ahead. No work may be in progress. */
  pass(seconds: number): Promise<void>;
  /** Sets how far the functions' time of day differs from the database's. */
  setFunctionsOff(ms: number): Promise<void>;
  /** Milliseconds since the epoch, by this clock. */
  now(): number;
  /** Seconds that have passed, real and skipped ones. */
  passedSeconds(): number;
}

/**
 * Our SQL reads the time only by `now()` and `clock_timestamp()`; a superuser can replace both. PostgreSQL executes a
 * built-in function directly unless it can inline the new body, and keeps plans made before. So the bodies are SQL that can
 * be inlined (a strict function could not be), and creating the schema invalidates the plans of every connection. The bodies
 * call `passed()`. It is stable: an immutable function would become a constant, and plans with a stable one are invalidated
 * when it changes. The server's own timers, such as `statement_timeout`, follow the machine's clock.
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

/** @param directory where the clock's file may stay as long as the functions run */
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
