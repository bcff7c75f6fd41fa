/**
 * Asks the database whether everything that must hold does: `verify_reports()`, problem by problem. Of the database in
 * DATABASE_URL, else of the local system that runs. Exit status 1 where there is a problem.
 */
import { connect, requirePushed } from './local/connect.ts';
import { databaseUrl } from './local/database-url.ts';

const MAX_PRINTED = 100;

async function main(): Promise<boolean> {
  const sql = await connect(await databaseUrl());
  try {
    await requirePushed(sql);
    const problems =
      await sql`select * from public.verify_reports() order by problem, report_type, report_id`;
    const [counts] = await sql`
      select (select count(*) from public.report_events)::int as events,
        (select count(*) from public.webhook_deliveries)::int as deliveries,
        (select count(*) from private.job_runs)::int as jobs,
        (select count(*) from private.reports_to_import)::int as left`;
    for (const row of problems.slice(0, MAX_PRINTED)) {
      const { problem, report_type, report_id, event_id, job_id } = row as Record<string, string | null>;
      const where = [`${report_type ?? ''} report ${report_id ?? ''}`];
      if (event_id) where.push(`event ${event_id}`);
      if (job_id) where.push(`job ${job_id}`);
      console.log(`${problem ?? ''}: ${where.join(', ')}`);
    }
    if (problems.length > MAX_PRINTED) console.log(`and ${problems.length - MAX_PRINTED} more`);
    const { events, deliveries, jobs, left } = counts as Record<string, number>;
    if (left) console.log(`${left} reports are not imported yet: npm run upgrade`);
    console.log(
      `verify: ${problems.length} problems in ${events ?? 0} events, ${deliveries ?? 0} deliveries and ${jobs ?? 0} jobs`,
    );
    return problems.length === 0;
  } finally {
    await sql.end();
  }
}

try {
  process.exitCode = (await main()) ? 0 : 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
