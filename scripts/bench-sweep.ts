/**
 * Measures a sweep of 50 deliveries on an empty database, then on the same database with 1,000,000 finished deliveries and
 * 100,000 audit rows a day. Prints the plans of the queries that a sweep makes.
 */
import { parseArgs } from 'node:util';
import type postgres from 'postgres';
import { startBed } from '../tools/bench/bed.ts';
import { measureSweep } from '../tools/bench/whole-jobs.ts';
import { stopSignal } from '../tools/local/until-stopped.ts';
import { describeError } from '../tools/local/wrong-use.ts';
import { seedLarge, type SeedSize } from '../tools/seed/large.ts';

const PAST: SeedSize = { deliveries: 1_000_000, auditRows: 1_000_000, days: 10 };

const QUERIES = {
  'the delivery to claim': 'select id from private.due_deliveries order by next_attempt, id limit 64',
  'jobs to take over': 'select job_id from private.due_jobs order by created_at limit 20',
  'old audit rows':
    "select id from public.webhook_audit where created_at < now() - interval '90 days' order by created_at, id limit 500",
  'attempts of the last minute':
    "select count(*) from public.webhook_audit where direction = 'out' and endpoint_id = 'final-report' and outcome <> 'skipped' and created_at > now() - interval '1 minute'",
};

const step = (text: string) => process.stderr.write(`${text}\n`);

async function showPlans(sql: postgres.Sql): Promise<void> {
  for (const [what, query] of Object.entries(QUERIES)) {
    const lines = await sql.unsafe<{ 'QUERY PLAN': string }[]>(
      `explain (analyze, costs off, timing off, summary on, buffers off) ${query}`,
    );
    console.log(`\n${what}`);
    for (const line of lines) console.log(`  ${line['QUERY PLAN']}`);
  }
}

async function main(signal: AbortSignal): Promise<void> {
  // Rejects all arguments: there are none.
  parseArgs();
  await using bed = await startBed(step);
  step('sweeping the empty database');
  const without = await measureSweep(bed);
  signal.throwIfAborted();
  step(`seeding ${PAST.deliveries} deliveries and ${PAST.auditRows} audit rows`);
  await seedLarge(bed.sql, PAST);
  signal.throwIfAborted();
  step('sweeping the seeded database');
  const behind = await measureSweep(bed);
  console.log(`sweep of 50, empty database               ${without} ms`);
  console.log(`sweep of 50, ${PAST.deliveries} deliveries behind it  ${behind} ms`);
  await showPlans(bed.sql);
}

const signal = stopSignal();
try {
  await main(signal);
} catch (error) {
  process.exitCode = signal.aborted ? 130 : 1;
  if (!signal.aborted) console.error(describeError(error));
}
process.exit();
