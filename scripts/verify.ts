/**
 * Checks all invariants in the database: the checks of `verify_reports()`, slice by slice. Uses the database in DATABASE_URL,
 * else that of the running local system. Read-only. Exit status 1 if there is a problem. An interrupted run prints the place
 * to continue from: `npm run verify -- --from PLACE`.
 */
import { parseArgs } from 'node:util';
import type postgres from 'postgres';
import { connect, describeSessionFailure, requirePushed } from '../tools/local/connect.ts';
import { databaseUrl } from '../tools/local/database-url.ts';
import { endConnections } from '../tools/local/end-connections.ts';
import { stopSignal } from '../tools/local/until-stopped.ts';
import { startProgress } from '../tools/verify/progress.ts';
import { printPlace, readPlace, verifySlices, type Finding, type Place } from '../tools/verify/slices.ts';

const MAX_PRINTED = 100;

function describe({ problem, report_type, report_id, event_id, job_id }: Finding): string {
  const where = [];
  if (report_id !== null) where.push(`${report_type ?? ''} report ${report_id}`);
  if (event_id !== null) where.push(`event ${event_id}`);
  if (job_id !== null) where.push(`job ${job_id}`);
  return where.length > 0 ? `${problem}: ${where.join(', ')}` : problem;
}

/** Prints the findings; returns their number. */
async function verify(sql: postgres.Sql, from: Place | undefined, signal: AbortSignal): Promise<number> {
  const progress = startProgress(process.stderr, 'verify');
  let problems = 0;
  let next = from;
  try {
    for await (const slice of verifySlices(sql, from, { signal })) {
      progress.clear();
      for (const finding of slice.findings) {
        problems += 1;
        if (problems <= MAX_PRINTED) console.log(describe(finding));
      }
      next = slice.next;
      if (next === undefined) break;
      progress.show(slice.done);
    }
  } catch (error) {
    progress.clear();
    if (next !== undefined) {
      console.error(
        `verify: not finished; ${problems} problems so far. To continue: npm run verify -- --from ${printPlace(next)}`,
      );
    }
    throw error;
  }
  if (problems > MAX_PRINTED) console.log(`and ${problems - MAX_PRINTED} more`);
  return problems;
}

async function main(signal: AbortSignal): Promise<boolean> {
  const { values } = parseArgs({ options: { from: { type: 'string' } } });
  const sql = await connect(await databaseUrl());
  try {
    await requirePushed(sql);
    const from = values.from === undefined ? undefined : await readPlace(sql, values.from);
    const problems = await verify(sql, from, signal);
    const [counts] = await sql`
      select (select count(*) from public.report_events)::int as events,
        (select count(*) from public.webhook_deliveries)::int as deliveries,
        (select count(*) from private.job_runs)::int as jobs,
        (select count(*) from private.reports_to_import)::int as left`;
    // Safe: these are the columns above.
    const { events, deliveries, jobs, left } = counts as Record<string, number>;
    if (left) console.log(`${left} reports are not imported yet: npm run upgrade`);
    const where =
      values.from === undefined
        ? `${events ?? 0} events, ${deliveries ?? 0} deliveries and ${jobs ?? 0} jobs`
        : `the part from ${values.from}`;
    console.log(`verify: ${problems} problems in ${where}`);
    return problems === 0;
  } finally {
    await endConnections(sql);
  }
}

const signal = stopSignal();
try {
  process.exitCode = (await main(signal)) ? 0 : 1;
} catch (error) {
  process.exitCode = signal.aborted ? 130 : 1;
  if (!signal.aborted) console.error(describeSessionFailure(error));
}
