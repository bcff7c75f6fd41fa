import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Finding } from './finding.ts';
import { listMigrations, MIGRATIONS } from './lint/migrations.ts';

/** File name to SHA-256 in hex, as `sha256sum` writes them. */
type Checksums = ReadonlyMap<string, string>;

const HEAD = `# Released migrations, as sha256sum writes them. They never change: a check compares. Written by npm run db:release.
`;

/** Reads the checksums of released migrations. Without the file, none is released. */
export async function readChecksums(path: string): Promise<Checksums> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  });
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const match = /^([0-9a-f]{64}) {2}(\S+\.sql)$/.exec(line);
      const [, checksum, name] = match ?? [];
      if (checksum === undefined || name === undefined)
        throw new Error(`${path} has a malformed line: ${line}`);
      return [name, checksum];
    }),
  );
}

export async function checksumsOf(folder: string): Promise<Checksums> {
  const names = await listMigrations(folder);
  return new Map(
    await Promise.all(
      names.map(
        async (name) =>
          [
            name,
            createHash('sha256')
              .update(await readFile(join(folder, name)))
              .digest('hex'),
          ] as const,
      ),
    ),
  );
}

/** Finds released migrations that were changed or removed, and new ones older than the newest released one. */
export function compareChecksums(released: Checksums, present: Checksums): Finding[] {
  const findings: Finding[] = [];
  const add = (name: string, message: string) => {
    findings.push({ where: `${MIGRATIONS}/${name}`, rule: 'checksum', message });
  };
  for (const [name, checksum] of released) {
    const own = present.get(name);
    if (own === undefined) add(name, 'is released, and is missing: databases have it in their history');
    else if (own !== checksum) add(name, 'is released and has been changed: write another migration instead');
  }
  const newest = [...released.keys()].sort().at(-1);
  for (const name of present.keys()) {
    if (newest === undefined || released.has(name) || name > newest) continue;
    add(name, `is not released but older than ${newest}: databases would skip it. Give it a later time`);
  }
  return findings;
}

/** Adds the checksums of all migrations in the folder. @throws {Error} if a released migration was changed */
export async function release(path: string, folder: string): Promise<string[]> {
  const released = await readChecksums(path);
  const present = await checksumsOf(folder);
  const findings = compareChecksums(released, present);
  if (findings.length > 0) {
    throw new Error(findings.map(({ where, message }) => `${where} ${message}`).join('\n'));
  }
  const lines = [...present].map(([name, checksum]) => `${checksum}  ${name}\n`);
  await writeFile(path, HEAD + lines.join(''));
  return [...present.keys()].filter((name) => !released.has(name));
}
