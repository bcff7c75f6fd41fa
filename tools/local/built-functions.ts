import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { globSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { environment } from './environment.ts';
import { dependency, projectRoot } from './paths.ts';

/** Since a build was last started from: a process that still runs may load another of its files at any time. */
const KEPT_MS = 7 * 24 * 3600_000;

const run = promisify(execFile);

/**
 * Builds every function as Vercel deploys it (each file compiled, not bundled) and returns the folder. Builds once per state
 * of the sources, inside `node_modules`, so that the compiled files find the packages.
 */
export async function builtFunctions(): Promise<string> {
  const builds = dependency('.cache/polaris-functions');
  const folder = join(builds, await digestOfSources());
  if (await markUsed(folder)) return folder;
  await removeOld(builds);
  // Renamed into place when complete: other processes may build or start at the same time.
  const unfinished = `${folder}.${randomUUID()}`;
  await compile(unfinished, entrypoints());
  await rename(unfinished, folder).catch(async (error: unknown) => {
    await rm(unfinished, { recursive: true });
    if (!(await markUsed(folder))) throw error;
  });
  return folder;
}

/** The files that Vercel deploys: all under `api/` except those whose name begins with `_` or a dot. */
export function entrypoints(): string[] {
  return globSync('api/**/*.ts', { cwd: projectRoot })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => !/(^|\/)[_.]|\.d\.ts$/.test(path))
    .sort();
}

/** Compiles these files and their imports with the project's settings, without type checking. */
export async function compile(folder: string, files: readonly string[]): Promise<void> {
  const compilerOptions = { noEmit: false, noCheck: true, rootDir: projectRoot, outDir: folder };
  const config = {
    extends: join(projectRoot, 'tsconfig.json'),
    compilerOptions,
    files: files.map((path) => join(projectRoot, path)),
    include: [],
  };
  await mkdir(folder, { recursive: true });
  try {
    await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));
    await run(process.execPath, [dependency('typescript/bin/tsc'), '--project', folder], {
      env: environment(),
    });
  } catch (error) {
    await rm(folder, { recursive: true });
    throw error;
  }
}

async function digestOfSources(): Promise<string> {
  const hash = createHash('sha256');
  const sources = globSync('{api,src}/**/*.{ts,json}', { cwd: projectRoot }).sort();
  for (const path of ['tsconfig.json', ...sources]) {
    const bytes = await readFile(join(projectRoot, path));
    hash.update(`${path}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest('hex').slice(0, 16);
}

async function removeOld(builds: string): Promise<void> {
  for (const name of await readdir(builds).catch(() => [])) {
    const path = join(builds, name);
    // Another process may just have moved its finished build.
    const used = await stat(path).catch(() => undefined);
    if (used && Date.now() - used.mtimeMs > KEPT_MS) await rm(path, { recursive: true, force: true });
  }
}

/** @returns whether the build is there */
function markUsed(folder: string): Promise<boolean> {
  const now = new Date();
  return utimes(folder, now, now).then(
    () => true,
    () => false,
  );
}
