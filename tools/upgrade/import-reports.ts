import { setTimeout as sleep } from 'node:timers/promises';
import type postgres from 'postgres';

/** Reports per transaction. Each is locked until the end of the transaction, so a writer waits a fraction of a second at most. */
const BATCH = 100;
const PROGRESS_EVERY_MS = 5_000;
/** Other transactions hold the remaining reports, and import them themselves. */
const PAUSE_MS = 200;

export interface Upgrade {
  /** One connection without a statement time-out, in a lasting session: not by a transaction pooler. */
  sql: postgres.Sql;
  tell: (line: string) => void;
}

export interface Unimportable {
  report_type: string;
  report_id: string;
  error: string;
}

/** Imports batch after batch until only reports are left that cannot be imported; returns these. */
export async function importReports({ sql, tell }: Upgrade, marked: number): Promise<Unimportable[]> {
  tell(`${marked} reports to import`);
  const started = Date.now();
  let told = started;
  let total = 0;
  let unimportable: Unimportable[] = [];
  for (;;) {
    const { imported, left } = await importBatch(sql);
    total += imported;
    if (left === 0) break;
    if (imported === 0) {
      unimportable = await sql<Unimportable[]>`
        select report_type, report_id, error from private.reports_to_import where failed_at is not null`;
      if (unimportable.length === left) break;
      unimportable = [];
      await sleep(PAUSE_MS);
    }
    if (Date.now() - told > PROGRESS_EVERY_MS) {
      told = Date.now();
      tell(`${total} imported, ${left} left`);
    }
  }
  tell(`${total} reports imported in ${((Date.now() - started) / 1000).toFixed(1)} s`);
  return unimportable;
}

async function importBatch(sql: postgres.Sql): Promise<{ imported: number; left: number }> {
  const [row] = await sql<{ answer: { imported: number; left: number } }[]>`
    select public.import_reports(${BATCH}) as answer`;
  if (row === undefined) throw new Error('import_reports() has answered nothing');
  return row.answer;
}
