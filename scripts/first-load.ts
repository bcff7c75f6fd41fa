/**
 * Sums the compressed JavaScript that a browser loads before a view of the console shows; fails above the limit. Charts and
 * other code that a view imports on demand do not count.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { z } from 'zod';
import { projectRoot } from '../tools/local/paths.ts';

const LIMIT_BYTES = 200_000;
const ENTRY = 'index.html';
/** The files that routes.ts imports. */
const VIEW = /^src\/console\/views\/[\w-]+\/(page|reports|create|subscriber)\.tsx$/;

const manifest = z.record(
  z.string(),
  z.object({
    file: z.string(),
    imports: z.array(z.string()).default([]),
    dynamicImports: z.array(z.string()).default([]),
  }),
);
type Manifest = z.infer<typeof manifest>;

/** The chunk and its static imports, recursively. */
function loadedWith(chunks: Manifest, name: string, seen = new Set<string>()): Set<string> {
  const chunk = chunks[name];
  if (chunk === undefined) throw new Error(`the manifest has no ${name}`);
  if (seen.has(chunk.file)) return seen;
  seen.add(chunk.file);
  for (const imported of chunk.imports) loadedWith(chunks, imported, seen);
  return seen;
}

const dist = join(projectRoot, 'dist');
const chunks = manifest.parse(JSON.parse(await readFile(join(dist, '.vite/manifest.json'), 'utf8')));
const views = (chunks[ENTRY]?.dynamicImports ?? []).filter((name) => VIEW.test(name));
if (views.length === 0) throw new Error(`the manifest has no view that fits ${VIEW}`);

let largest = 0;
for (const view of views.sort()) {
  const files = [...loadedWith(chunks, view, loadedWith(chunks, ENTRY))];
  const sizes = files.map(async (file) => gzipSync(await readFile(join(dist, file)), { level: 9 }).length);
  const bytes = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
  console.log(`${view}: ${(bytes / 1000).toFixed(1)} KB`);
  largest = Math.max(largest, bytes);
}
if (largest > LIMIT_BYTES) {
  console.error(
    `The first load is over ${LIMIT_BYTES / 1000} KB: import what is not seen at once when it is needed.`,
  );
  process.exitCode = 1;
}
