/**
 * Imports what the platform's first version has left: `npm run upgrade`, with the database in DATABASE_URL (session pooler or
 * direct, as the owner `postgres`), while everything runs. It can be stopped and run again at any time.
 */
import postgres from 'postgres';
import { databaseUrl } from './local/database-url.ts';

/** Reports in one transaction: each is locked until its end, so that a writer waits a fraction of a second at most. */
const BATCH = 100;
const PROGRESS_EVERY_MS = 5_000;

/** Finds the jobs that name a report in their metadata; only the import asks for them so. */
const INDEX = 'report_jobs_named_report';

async function main(): Promise<void> {
  const sql = postgres(await databaseUrl(), { max: 1, onnotice: () => undefined });
  try {
    const [marked] = await sql`select count(*)::int as left from private.reports_to_import`;
    if (marked?.['left'] === 0) {
      console.log('upgrade: every report is imported.');
      return;
    }
    console.log(`upgrade: ${String(marked?.['left'])} reports to import. Everything else goes on meanwhile.`);
    // Left behind unfinished by a run that was stopped, an index is not used and not built again.
    await sql.unsafe(`drop index concurrently if exists public.${INDEX}`);
    await sql.unsafe(`set statement_timeout = 0`);
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
      // Others hold what is left, and import it themselves.
      if (imported === 0) await new Promise((resolve) => setTimeout(resolve, 200));
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
