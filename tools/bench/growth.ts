import { randomUUID } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@supabase/supabase-js';
import postgres from 'postgres';
import type { Database } from '../../src/contracts/database.types.ts';
import { ensureAccount, makeOperator } from '../local/accounts.ts';
import { endConnections } from '../local/end-connections.ts';
import { liftLimits } from '../local/lift-limits.ts';
import { migrate } from '../local/migrate.ts';
import { freePort } from '../local/ports.ts';
import { prepareDatabase } from '../local/prepare-database.ts';
import { createSecrets, type Secrets } from '../local/secrets.ts';
import { startPostgresService, startSupabaseApiService } from '../local/services.ts';
import { seedLarge, type SeedSize } from '../seed/large.ts';
import { webhook } from './apply.ts';
import { addReports } from './bed.ts';
import { chooseSubject, consoleViews } from './console-views.ts';
import { quantile } from './measure.ts';
import { addDueDeliveries } from './waiting-work.ts';

const MOST_TIMES = 1.2;
const DAYS = 90;
const AUDIT_ROWS_OF_AN_EVENT = 10;
/**
 * The small database has the same traffic over fewer days: just enough to fill each view's longest range and each list's
 * page. As much is open in it as in the grown one.
 */
const SMALL_DAYS = 8;
const CALLS = 25;
/** The lower quartile of a measure's calls: those least disturbed by other work on the machine. */
const QUARTILE = 0.25;
const REPORTS = 64;
const CLAIMED = 10;
const PRUNED = 500;
const VERIFIED = 100;

/** The measured calls by name. Each call returns one sample in milliseconds. */
type Measures = Map<string, () => Promise<number>>;

/**
 * `npm run bench -- growth --events N`: the cost of everyday work in a database with 90 days of traffic (N events, ten times
 * as many audit rows), compared with one that has 8 days of the same traffic. The calls alternate between both on one server.
 * @returns whether nothing takes more than 1.2 times as long
 */
export async function benchGrowth(
  signal: AbortSignal,
  step: (text: string) => void,
  events: number,
): Promise<boolean> {
  await using stack = new AsyncDisposableStack();
  const secrets = createSecrets();
  const server = await startPostgresService({
    directory: await mkdtemp(join(tmpdir(), 'polaris-growth-')),
    port: await freePort(),
    password: secrets.databasePassword,
    temporary: true,
  });
  stack.defer(() => server.stop());
  const { url } = server.state();
  const beds: Measures[] = [];
  for (const [name, days] of [
    ['small', SMALL_DAYS],
    ['grown', DAYS],
  ] as const) {
    signal.throwIfAborted();
    const deliveries = Math.round((events * days) / DAYS);
    step(`seeding ${deliveries} events and ${AUDIT_ROWS_OF_AN_EVENT * deliveries} audit rows`);
    const begun = performance.now();
    const size = { deliveries, auditRows: AUDIT_ROWS_OF_AN_EVENT * deliveries, days };
    beds.push(await prepareBed(stack, { server: url, name, secrets, size }));
    step(`seeded in ${Math.round((performance.now() - begun) / 1000)} s`);
  }
  const [small, grown] = beds;
  if (small === undefined || grown === undefined) throw new Error('both databases are there');

  step('measuring');
  console.log(`${'lower quartile of a call in ms'.padEnd(44)}   small   grown   times`);
  const missed: string[] = [];
  for (const [name, call] of small) {
    const other = grown.get(name);
    if (other === undefined) throw new Error(`${name} is measured in both databases`);
    const samples: [number[], number[]] = [[], []];
    // Discard the first turn: it reads into memory what later turns find there.
    for (let turn = -1; turn < CALLS; turn += 1) {
      signal.throwIfAborted();
      const took = [await call(), await other()] as const;
      if (turn < 0) continue;
      samples[0].push(took[0]);
      samples[1].push(took[1]);
    }
    const [before, after] = samples.map((times) =>
      quantile(
        times.sort((one, another) => one - another),
        QUARTILE,
      ),
    );
    if (before === undefined || after === undefined) throw new Error('there is no sample');
    const isWithin = after <= MOST_TIMES * before;
    if (!isWithin) missed.push(name);
    console.log(
      `${name.padEnd(42)} ${before.toFixed(2).padStart(9)}${after.toFixed(2).padStart(8)}${(after / before).toFixed(2).padStart(8)}  ${isWithin ? 'reached' : 'MISSED'}`,
    );
  }
  console.log(`goal: ${MOST_TIMES} times; missed by ${missed.length} of ${small.size}`);
  return missed.length === 0;
}

/** Creates a seeded database on the server; returns its measures. */
async function prepareBed(
  stack: AsyncDisposableStack,
  { server, name, secrets, size }: { server: string; name: string; secrets: Secrets; size: SeedSize },
): Promise<Measures> {
  const control = postgres(server, { max: 1, onnotice: () => undefined });
  await control.unsafe(`create database growth_${name} template template0`);
  await endConnections(control);
  const databaseUrl = new URL(server);
  databaseUrl.pathname = `growth_${name}`;
  await prepareDatabase(databaseUrl.href);
  await migrate(databaseUrl.href);
  // Seeding takes longer than the two-minute statement time-out of hosted projects.
  const sql = postgres(databaseUrl.href, {
    max: 8,
    onnotice: () => undefined,
    connection: { statement_timeout: 0 },
  });
  stack.defer(() => endConnections(sql));
  await seedLarge(sql, size);
  await liftLimits(sql);
  const api = await startSupabaseApiService({
    databaseUrl: databaseUrl.href,
    port: await freePort(),
    ...secrets,
  });
  stack.defer(() => api.stop());
  const { url } = api.state();
  const credentials = { email: `${randomUUID()}@example.com`, password: randomUUID() };
  const operator = await ensureAccount({ url, ...secrets }, credentials, sql);
  await makeOperator(sql, operator.id);
  const client = createClient<Database>(url, secrets.publishableKey, { auth: { autoRefreshToken: false } });
  await client.auth.signInWithPassword(credentials);

  const reports = await addReports(sql, REPORTS);
  const claimed = await addReports(sql, CLAIMED);
  // The word that all reports of the seed have.
  await sql`
    update public.org_reports set user_data = '{"organisation_name": "Organisation"}'
    where id in ${sql([...reports, ...claimed])}`;
  const measures = measureSql(sql, reports);
  await addDueDeliveries(sql, claimed, 'prelim');
  for (const [view, ask] of Object.entries(consoleViews(client, await chooseSubject(sql, size)))) {
    measures.set(`console: ${view}`, () =>
      timed(async () => {
        const { error } = await ask();
        if (error !== null) throw new Error(`${view}: ${JSON.stringify(error)}`);
      }),
    );
  }
  return measures;
}

function measureSql(sql: postgres.Sql, reports: readonly string[]): Measures {
  const undone = new Error('undone');
  const prepare = webhook(6 * 1024);
  let after: string | null = null;
  const bound = async (from: string | null) => {
    const [row] = await sql<{ until: string | null }[]>`
      select private.verify_bound('org', ${from}, ${VERIFIED}) as until`;
    return row?.until ?? null;
  };
  return new Map<string, () => Promise<number>>([
    [
      'apply an event of 6 KB',
      async () => {
        const call = await prepare(sql, reports);
        return timed(() => call(sql));
      },
    ],
    [
      `claim ${CLAIMED} due deliveries`,
      async () => {
        let took = 0;
        // Rolled back, so that the deliveries are due again.
        await sql
          .begin(async (transaction) => {
            took = await timed(async () => {
              const [row] = await transaction`
                select jsonb_array_length(public.claim_due_deliveries(${CLAIMED}, 0, 60) -> 'deliveries') as claimed`;
              if (row?.['claimed'] !== CLAIMED)
                throw new Error(`${String(row?.['claimed'])} deliveries were claimed`);
            });
            throw undone;
          })
          .catch((error: unknown) => {
            if (error !== undone) throw error;
          });
        return took;
      },
    ],
    [
      `prune ${PRUNED} audit rows`,
      async () => {
        await sql`
          insert into public.webhook_audit (direction, endpoint_id, report_id, event_id, request_payload, outcome, created_at)
          select 'in', 'final-report', gen_random_uuid(), gen_random_uuid()::text, '{}', 'applied',
            now() - interval '1 day' * ${DAYS + 10} + interval '1 second' * n
          from generate_series(1, ${PRUNED}::int) n`;
        return timed(async () => {
          const [row] = await sql`
            select public.prune_expired(${DAYS + 5}, 3650, 3650, ${PRUNED}) ->> 'audit' as audit`;
          if (row?.['audit'] !== String(PRUNED))
            throw new Error(`${String(row?.['audit'])} rows were pruned`);
        });
      },
    ],
    [
      `verify a slice of ${VERIFIED} reports`,
      async () => {
        // Continues as verify_slice() does: other reports each time, and from the beginning after the last.
        let until = await bound(after);
        if (until === null) {
          after = null;
          until = await bound(after);
        }
        const begin = after;
        after = until;
        return timed(async () => {
          const found = await sql`select * from private.verify_part('org', ${begin}, ${until})`;
          if (found.length > 0) throw new Error(`verify found ${JSON.stringify(found[0])}`);
        });
      },
    ],
  ]);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}
