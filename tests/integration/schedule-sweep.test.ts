import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createStandIns } from '../support/hosted-extensions.ts';

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

it('schedules the call of the sweep, with the secret in Vault only, and takes a new one', async () => {
  const { sql, superuserUrl } = database;
  await createStandIns(superuserUrl, ['pg_cron', 'pg_net', 'supabase_vault']);
  await expect(schedule('http://polaris.example.com')).rejects.toThrow(/https/);
  await expect(schedule('https://polaris.example.com', 'short')).rejects.toThrow(/at least 32 characters/);
  await schedule('https://old.example.com');
  const newSecret = 'y'.repeat(40);
  expect(await schedule('https://polaris.example.com', newSecret)).toMatchObject([
    { said: 'The sweep is called every minute. The log of its calls is kept for 7 days.' },
  ]);
  const [job] = await sql<{ schedule: string; command: string }[]>`
    select schedule, command from cron.job where jobname = 'polaris sweep'`;
  expect(job?.schedule).toBe('* * * * *');
  expect(job?.command).not.toContain(newSecret);
  await sql.unsafe(job?.command ?? '');
  expect([...(await sql`select url, headers from net.http_request_queue`)]).toEqual([
    { url: 'https://polaris.example.com/api/cron/sweep', headers: { authorization: `Bearer ${newSecret}` } },
  ]);
});
