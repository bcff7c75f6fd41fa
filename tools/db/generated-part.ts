import { STORE_ROLE } from '../../src/server/store/routines.ts';
import type { Node } from 'libpg-query';
import type { CatalogueEntry, Change } from './catalogue.ts';
import { nameOf } from './parser.ts';
import type { Source } from './read-sources.ts';

const WRITER = 'edited there, written by npm run db:migration.';

/** The line of a migration below which the text is generated. */
export function roomLine(room: string): string {
  return `-- Generated from supabase/sql/${room}: ${WRITER}`;
}

/** The room of a migration's generated part, and the text above that part. */
export function splitGenerated(text: string): { head: string; room: string } | undefined {
  const match =
    /^-- Generated from supabase\/sql\/([a-z]+): edited there, written by npm run db:migration\.$/m.exec(
      text,
    );
  const room = match?.[1];
  return match && room !== undefined ? { head: text.slice(0, match.index), room } : undefined;
}

export const CHANGES_LINE = `-- Generated from supabase/sql: ${WRITER}`;

/** Writes each source in full, below its file name. */
export function writeObjects(sources: readonly Source[]): string {
  return writeTexts(sources.map((source) => ({ source, text: source.text })));
}

/**
 * Writes each source below its file name: in full, except for what a table has already. To set its row level security, a policy
 * or a trigger again would lock the table against all calls until the migration ends, and a migration that locks several
 * tables can end up in a deadlock with a call that uses them in another order.
 * @param changes undefined: it is not known what the tables have
 */
export function writeChanges(sources: readonly Source[], changes?: readonly Change[]): string {
  return writeTexts(
    sources.map((source) => {
      const { statements, text } = source;
      const needed = statements.filter(
        ({ node }) => changes === undefined || isNeeded(node, source, changes),
      );
      return {
        source,
        text: needed.length === statements.length ? text : needed.map((each) => `${each.text};`).join('\n'),
      };
    }),
  );
}

/** Bodies are not checked, since they may name objects that come later. */
function writeTexts(texts: readonly { source: Source; text: string }[]): string {
  const objects = texts.map(({ source, text }) => `-- ${source.path}\n${text.trim()}\n`);
  return ['set check_function_bodies = off;\n', ...objects].join('\n');
}

/** Whether the statement of a table's source changes something. Comments and rights lock no table, and are set again. */
function isNeeded(node: Node, { kind, object }: Source, changes: readonly Change[]): boolean {
  if (kind !== 'table') return true;
  const changed = (entryKind: CatalogueEntry['kind'], name: string | undefined) =>
    changes.some(({ before, after }) => {
      const entry = after ?? before;
      return entry?.kind === entryKind && entry.object === object && entry.name === name;
    });
  if ('CreatePolicyStmt' in node) return changed('policy', node.CreatePolicyStmt.policy_name);
  if ('CreateTrigStmt' in node) return changed('trigger', node.CreateTrigStmt.trigname);
  if ('DropStmt' in node) {
    // The last part is the name of the policy or trigger itself.
    return (node.DropStmt.objects ?? []).some((dropped) => {
      const name = 'List' in dropped ? nameOf(dropped.List.items?.slice(-1)) : undefined;
      return changed('policy', name) || changed('trigger', name);
    });
  }
  if ('AlterTableStmt' in node) {
    const table = changes.find(({ key }) => key === `table ${object}`);
    return table !== undefined && securityOf(table.before) !== securityOf(table.after);
  }
  return true;
}

/** The first line of a table's definition. */
const securityOf = (table: CatalogueEntry | undefined) => table?.definition.split('\n', 1)[0];

/** Grants for the direct store's role. Sources state only the right of `service_role`; this one follows from it. */
export function writeGrants(signatures: readonly string[]): string {
  const grants = signatures.map((each) => `grant execute on function ${each} to ${STORE_ROLE};`);
  return `-- What the server calls as service_role, it may call as the role of the direct store.\n${grants.join('\n')}\n`;
}
