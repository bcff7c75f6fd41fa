import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});

const SECRET = 'x'.repeat(40);
const schedule = (url: string, secret = SECRET) =>
  database.sql`select private.schedule_sweep(${url}, ${secret}) as said`;

it('does nothing where the extensions are missing, and says which', async () => {
  expect(await schedule('https://polaris.example.com')).toMatchObject([
    { said: 'Nothing was scheduled: this database lacks pg_cron, pg_net, supabase_vault.' },
  ]);
});

/** The extensions' functions, by their signatures: none of them can be installed here. */
async function pretendExtensions(): Promise<void> {
  await database.sql.unsafe(`
    create schema cron; create schema net; create schema vault;
    create table vault.secrets (id uuid primary key default gen_random_uuid(), name text unique, secret text);
    create view vault.decrypted_secrets as select name, secret as decrypted_secret from vault.secrets;
    create function vault.create_secret(
      new_secret text, new_name text default null, new_description text default '', new_key_id uuid default null) returns uuid language sql
      as 'insert into vault.secrets (name, secret) values (new_name, new_secret) returning id';
    create function vault.update_secret(
      secret_id uuid, new_secret text default null, new_name text default null, new_description text default null,
      new_key_id uuid default null) returns void language sql
      as 'update vault.secrets set secret = new_secret where id = secret_id';
    create table cron.job (jobname text primary key, schedule text, command text);
    create function cron.schedule(job_name text, schedule text, command text) returns bigint language sql
      as 'insert into cron.job values (job_name, schedule, command)
        on conflict (jobname) do update set command = excluded.command; select 1::bigint';
    -- The real extension has this overload as well.
    create function cron.schedule(schedule text, command text) returns bigint language sql as 'select 0::bigint';
    create table net.calls (url text, headers jsonb);
    create function net.http_get(url text, params jsonb default '{}', headers jsonb default '{}',
      timeout_milliseconds int default 2000) returns bigint language sql
      as 'insert into net.calls values (url, headers); select 1::bigint';`);
}

it('schedules the call of the sweep, with the secret in Vault only, and takes a new one', async () => {
  await pretendExtensions();
  const { sql } = database;
  await expect(schedule('http://polaris.example.com')).rejects.toThrow(/https/);
  await expect(schedule('https://polaris.example.com', 'short')).rejects.toThrow(/shorter/);
  await schedule('https://old.example.com');
  const newSecret = 'y'.repeat(40);
  expect(await schedule('https://polaris.example.com', newSecret)).toMatchObject([
    { said: 'The sweep is called every minute.' },
  ]);
  const [job] = await sql<{ schedule: string; command: string }[]>`select schedule, command from cron.job`;
  expect(job?.schedule).toBe('* * * * *');
  expect(job?.command).not.toContain(newSecret);
  await sql.unsafe(job?.command ?? '');
  expect([...(await sql`select * from net.calls`)]).toEqual([
    { url: 'https://polaris.example.com/api/cron/sweep', headers: { authorization: `Bearer ${newSecret}` } },
  ]);
});
