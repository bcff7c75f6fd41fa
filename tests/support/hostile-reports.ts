import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type postgres from 'postgres';
import { platformFolder } from './platform.ts';

/**
 * Fills a database of the platform, before our migrations, with reports in every state of its first version, including
 * hostile ones. The schema `hostile` lists what was created: `hostile.reports` and `hostile.thefts`.
 */
export async function addHostileReports(sql: postgres.Sql, reports: number): Promise<void> {
  const rows = await readFile(join(platformFolder, 'hostile-reports.sql'), 'utf8');
  await sql.begin(async (transaction) => {
    await transaction`select set_config('test.reports', ${String(reports)}, true)`;
    await transaction.unsafe(rows);
  });
}
