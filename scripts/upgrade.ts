/**
 * Imports what the platform's first version has left: `npm run upgrade`, with the database in DATABASE_URL (session pooler or
 * direct, as the owner `postgres`), while everything runs. It can be stopped and run again at any time.
 */
import { connect } from './local/connect.ts';
import { databaseUrl } from './local/database-url.ts';

/** Reports in one transaction: each is locked until its end, so that a writer waits a fraction of a second at most. */
const BATCH = 100;
const PROGRESS_EVERY_MS = 5_000;

/** Finds the jobs that name a report in their metadata; only the import asks for them so. */
const INDEX = 'report_jobs_named_report';

async function main(): Promise<void> {
  const sql = await connect(await databaseUrl());
  try {
    // Left behind by a run that was stopped: unfinished, it would not be used and not be built again.
    await sql.unsafe(`drop index concurrently if exists public.${INDEX}`);
    const [marked] = await sql`select count(*)::int as left from private.reports_to_import`;
    if (marked?.['left'] === 0) {
      console.log('upgrade: every report is imported.');
      return;
    }
    console.log(`upgrade: ${String(marked?.['left'])} reports to import. Everything else goes on meanwhile.`);
    await sql.unsafe(
      `create index concurrently ${INDEX} on public.report_jobs ((metadata ->> 'report_id')) where metadata ->> 'report_id' is not null`,
    );
    const started = Date.now();
    let told = started;
    let total = 0;
    for (;;) {
      const [row] = await sql`select public.import_reports(${BATCH}) as answer`;
      const { imported, left } = row?.['answer'] as { imported: number; left: number };
      total += imported;
      if (left === 0) break;
      if (imported === 0) {
        const failed =
          await sql`select report_type, report_id, error from private.reports_to_import where failed_at is not null`;
        if (failed.length === left) {
          for (const { report_type, report_id, error } of failed)
            console.error(
              `upgrade: ${String(report_type)} report ${String(report_id)} cannot be imported: ${String(error)}`,
            );
          process.exitCode = 1;
          break;
        }
        // Others hold what is left, and import it themselves.
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
      if (Date.now() - told > PROGRESS_EVERY_MS) {
        told = Date.now();
        console.log(`upgrade: ${total} imported, ${left} left`);
      }
    }
    await sql.unsafe(`drop index concurrently if exists public.${INDEX}`);
    const seconds = Math.round((Date.now() - started) / 1000);
    console.log(`upgrade: ${total} reports imported in ${seconds} s. Check with npm run verify.`);
  } finally {
    await sql.end();
  }
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
