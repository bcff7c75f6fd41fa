import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { roomLine, splitGenerated, writeObjects } from './generated-part.ts';
import { listMigrations } from './lint/migrations.ts';
import type { Source } from './read-sources.ts';
import { RefusedError } from './write-migration.ts';

/**
 * Regenerates the generated parts of unreleased migrations, each from all sources of its room.
 * @returns the files that have changed
 * @throws {RefusedError} when a room has no unreleased migration
 */
export async function rewriteMigrations(
  folder: string,
  sources: readonly Source[],
  released: ReadonlySet<string>,
): Promise<string[]> {
  const parts = new Map<string, { file: string; text: string; head: string }>();
  const releasedRooms = new Set<string>();
  for (const file of await listMigrations(folder)) {
    const text = await readFile(join(folder, file), 'utf8');
    const part = splitGenerated(text);
    if (part === undefined) continue;
    const { room, head } = part;
    if (released.has(file)) {
      releasedRooms.add(room);
      continue;
    }
    const other = parts.get(room);
    if (other) throw new RefusedError(`${other.file} and ${file} are both generated from the room ${room}.`);
    parts.set(room, { file, text, head });
  }
  const rooms = [...new Set(sources.map(({ room }) => room))];
  for (const room of rooms) {
    if (releasedRooms.has(room)) {
      throw new RefusedError(
        `The migration of the room ${room} is released: run npm run db:migration -- <name> "<why>".`,
      );
    }
    if (!parts.has(room)) throw new RefusedError(`No migration has the line "${roomLine(room)}".`);
  }
  for (const [room, { file }] of parts) {
    if (!rooms.includes(room)) {
      throw new RefusedError(`${file} is generated from the room ${room}, which has no source.`);
    }
  }
  const written: string[] = [];
  for (const [room, { file, text, head }] of parts) {
    const own = sources.filter((source) => source.room === room);
    const next = `${head}${roomLine(room)}\n\n${writeObjects(own)}`;
    if (next === text) continue;
    await writeFile(join(folder, file), next);
    written.push(file);
  }
  return written;
}
