import { STORE_ROLE } from '../../src/server/store/routines.ts';
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

/** Writes each source in full, below its file name. Bodies are not checked, since they may name objects that come later. */
export function writeObjects(sources: readonly Source[]): string {
  const objects = sources.map(({ path, text }) => `-- ${path}\n${text.trim()}\n`);
  return ['set check_function_bodies = off;\n', ...objects].join('\n');
}

/** Grants for the direct store's role. Sources state only the right of `service_role`; this one follows from it. */
export function writeGrants(signatures: readonly string[]): string {
  const grants = signatures.map((each) => `grant execute on function ${each} to ${STORE_ROLE};`);
  return `-- What the server calls as service_role, it may call as the role of the direct store.\n${grants.join('\n')}\n`;
}
