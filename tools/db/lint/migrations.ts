import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Finding, Rule } from '../finding.ts';
import { nameOf, nodesOf, parseSql, SqlSyntaxError, type Statement } from '../parser.ts';
import { relationName, targetsOf } from '../read-sources.ts';
import { PLATFORM_TABLES } from '../rooms.ts';
import { lintStatements } from './statements.ts';

export const MIGRATIONS = 'supabase/migrations';

/** The platform's own history, which we must not change. */
export function isPlatformMigration(name: string): boolean {
  return name.startsWith('2024');
}

export async function listMigrations(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  return names.filter((name) => name.endsWith('.sql')).sort();
}

/** Checks each migration that is not the platform's. */
export async function lintMigrations(folder: string): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const name of await listMigrations(folder)) {
    if (isPlatformMigration(name)) continue;
    findings.push(...(await lintMigration(name, await readFile(join(folder, name), 'utf8'))));
  }
  return findings;
}

export async function lintMigration(name: string, text: string): Promise<Finding[]> {
  const where = `${MIGRATIONS}/${name}`;
  const findings: Finding[] = [];
  const add = (rule: Rule, message: string, line?: number) => {
    findings.push({ where, rule, message, ...(line !== undefined && { line }) });
  };
  if (!/^\d{14}_[a-z0-9_]+\.sql$/.test(name)) add('file', 'is not named <14 digits>_<name>.sql');
  if (!text.startsWith('-- Why: ')) add('why', 'must begin with "-- Why: " and the reason');
  try {
    const { statements } = await parseSql(text);
    findings.push(
      ...(await lintStatements(where, statements)),
      ...lintTables(where, statements),
      ...lintLargeTables(where, statements),
    );
  } catch (error) {
    if (!(error instanceof SqlSyntaxError)) throw error;
    add('syntax', error.message, error.line);
  }
  return findings;
}

/** Each new table needs row level security and a comment in the same migration. */
function lintTables(where: string, statements: readonly Statement[]): Finding[] {
  const nodes = statements.map(({ node }) => node);
  const commented = new Set(
    nodes.flatMap((node) =>
      'CommentStmt' in node && node.CommentStmt.objtype === 'OBJECT_TABLE' && node.CommentStmt.object
        ? 'List' in node.CommentStmt.object
          ? [nameOf(node.CommentStmt.object.List.items)]
          : []
        : [],
    ),
  );
  const secured = new Set(
    nodes.flatMap((node) =>
      'AlterTableStmt' in node &&
      nodesOf(node.AlterTableStmt.cmds, 'AlterTableCmd').some(
        ({ subtype }) => subtype === 'AT_EnableRowSecurity',
      )
        ? [relationName(node.AlterTableStmt.relation)]
        : [],
    ),
  );
  const findings: Finding[] = [];
  for (const { node, line } of statements) {
    if (!('CreateStmt' in node) || node.CreateStmt.relation?.relpersistence === 't') continue;
    const table = relationName(node.CreateStmt.relation);
    const add = (rule: Rule, message: string) => {
      findings.push({ where, line, rule, message });
    };
    if (!secured.has(table))
      add('row-level-security', `${table} has no row level security in this migration`);
    if (!commented.has(table)) add('comment', `comment on table ${table} is missing in this migration`);
  }
  return findings;
}

/** Users of a platform's table are blocked while a migration waits for its lock or builds an index on it. */
function lintLargeTables(where: string, statements: readonly Statement[]): Finding[] {
  const findings: Finding[] = [];
  const isLarge = (table: string) => PLATFORM_TABLES.includes(table);
  let bounded = false;
  for (const { node, text, line } of statements) {
    if (/private\.lock_table\(|set_config\('lock_timeout'/.test(text) && 'SelectStmt' in node) bounded = true;
    const add = (message: string) => {
      findings.push({ where, line, rule: 'large-table', message });
    };
    if ('IndexStmt' in node) {
      const table = relationName(node.IndexStmt.relation);
      if (isLarge(table)) add(`an index of ${table} blocks its writers: list it in private.finish_table()`);
    } else if (LOCKING.some((kind) => kind in node)) {
      const table = targetsOf(node).find(isLarge);
      if (table !== undefined && !bounded) {
        add(`${table} is locked without a limit: begin with select private.lock_table('…')`);
        // Report only the first one.
        bounded = true;
      }
    }
  }
  return findings;
}

const LOCKING = ['AlterTableStmt', 'CreatePolicyStmt', 'CreateTrigStmt', 'DropStmt'] as const;
