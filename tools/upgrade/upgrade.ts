import type postgres from 'postgres';
import { importReports, type Unimportable, type Upgrade } from './import-reports.ts';

/** Another run is in progress. This run would mistake the indexes being built there for left-overs. */
export class UpgradeRuns extends Error {
  override name = 'UpgradeRuns';
}

/** The key of our advisory lock. */
const LOCK = 20_261_125;

interface Part {
  table_name: string;
  name: string;
  statement: string;
}

/** For finding the jobs that name a report in their metadata. Only the import needs this index. */
const JOBS_INDEX: Part = {
  table_name: 'report_jobs',
  name: 'report_jobs_named_report',
  statement: `create index report_jobs_named_report on public.report_jobs ((metadata ->> 'report_id'))
    where metadata ->> 'report_id' is not null`,
};

/**
 * Builds what the migrations do not build on large tables, and imports the reports of the platform's first version, without
 * stopping other work. Can be interrupted and run again at any time.
 * @returns the reports that cannot be imported
 * @throws {UpgradeRuns}
 */
export async function upgrade({ sql, tell }: Upgrade): Promise<Unimportable[]> {
  const [lock] = await sql`select pg_try_advisory_lock(${LOCK}) as held`;
  if (lock?.['held'] !== true) {
    throw new UpgradeRuns('Another npm run upgrade is running in this database. Wait for its end.');
  }
  const [marked] = await sql<{ left: number }[]>`select count(*)::int as left from private.reports_to_import`;
  const left = marked?.left ?? 0;
  const parts = await sql<Part[]>`select table_name, name, statement from private.unfinished_tables`;
  // Build this index first: without it, the import of each report reads all jobs.
  if (left > 0 && !(await isBuilt(sql, JOBS_INDEX.name))) parts.unshift(JOBS_INDEX);
  for (const part of parts) await build(sql, part, tell);
  const unimportable = left === 0 ? [] : await importReports({ sql, tell }, left);
  if (left === 0) tell('every report is imported');
  await sql.unsafe(`drop index concurrently if exists public.${JOBS_INDEX.name}`);
  return unimportable;
}

async function isBuilt(sql: postgres.Sql, index: string): Promise<boolean> {
  const rows = await sql`
    select from pg_index where indexrelid = to_regclass(${`public.${index}`}) and indisvalid`;
  return rows.length > 0;
}

async function build(
  sql: postgres.Sql,
  { table_name, name, statement }: Part,
  tell: Upgrade['tell'],
): Promise<void> {
  const started = Date.now();
  tell(`${name} on ${table_name}: building`);
  if (statement.startsWith('create index ')) {
    // Remove what an interrupted run has left: an invalid index, which no query uses but every writer must maintain.
    const [, schema = 'public'] = /\bon (\w+)\./.exec(statement) ?? [];
    await sql.unsafe(`drop index concurrently if exists ${schema}.${name}`);
    await sql.unsafe(statement.replace('create index ', 'create index concurrently '));
  } else {
    await sql.unsafe(statement);
  }
  tell(`${name} on ${table_name}: built in ${((Date.now() - started) / 1000).toFixed(1)} s`);
}
