import { STORE_ROLE } from '../../src/server/store/routines.ts';
import type { Source } from './read-sources.ts';

const WRITER = 'edited there, written by npm run db:migration.';

/** The line of a migration below which everything is written by this program. */
export function roomLine(room: string): string {
  return `-- Generated from supabase/sql/${room}: ${WRITER}`;
}

/** The room of a migration's generated part, and the text above it. */
export function splitGenerated(text: string): { head: string; room: string } | undefined {
  const match =
    /^-- Generated from supabase\/sql\/([a-z]+): edited there, written by npm run db:migration\.$/m.exec(
      text,
    );
  const room = match?.[1];
  return match && room !== undefined ? { head: text.slice(0, match.index), room } : undefined;
}

export const CHANGES_LINE = `-- Generated from supabase/sql: ${WRITER}`;

/** Each source whole, under the name of its file. Bodies may name what only comes later. */
export function writeObjects(sources: readonly Source[]): string {
  const objects = sources.map(({ path, text }) => `-- ${path}\n${text.trim()}\n`);
  return ['set check_function_bodies = off;\n', ...objects].join('\n');
}

/** A file states the right of `service_role` alone: that of the direct store's role follows from it. */
export function writeGrants(signatures: readonly string[]): string {
  const grants = signatures.map((each) => `grant execute on function ${each} to ${STORE_ROLE};`);
  return `-- What the server calls as service_role, it may call as the role of the direct store.\n${grants.join('\n')}\n`;
}
