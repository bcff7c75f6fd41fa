import { cp, mkdtemp, readdir, readFile, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { projectRoot } from '../../tools/local/paths.ts';

/** A copy of this project in its own folder, which a test changes as a developer would. */
export interface ProjectCopy extends AsyncDisposable {
  folder: string;
  /** Loads a module of the copy by its path in the project, with the copy's own imports and programs. */
  load(path: string): Promise<unknown>;
  /** The lines of TypeScript that differ from this project, each as `path:line`. */
  changedLines(): Promise<string[]>;
}

const FOLDERS = ['api', 'docs', 'examples', 'public', 'scripts', 'src', 'supabase', 'tests', 'tools'];
const FILES = /^(package\.json|tsconfig\.json|.+\.config\.(js|ts))$/;

export async function copyProject(): Promise<ProjectCopy> {
  const folder = await mkdtemp(join(tmpdir(), 'polaris-copy-'));
  const files = (await readdir(projectRoot)).filter((name) => FILES.test(name));
  for (const name of [...FOLDERS, ...files]) {
    await cp(join(projectRoot, name), join(folder, name), { recursive: true });
  }
  await symlink(await realpath(join(projectRoot, 'node_modules')), join(folder, 'node_modules'));
  return {
    folder,
    load: (path) => import(/* @vite-ignore */ pathToFileURL(join(folder, path)).href),
    changedLines: () => changedLines(folder),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

async function changedLines(folder: string): Promise<string[]> {
  const changed: string[] = [];
  const paths = new Set([...(await typeScriptIn(folder)), ...(await typeScriptIn(projectRoot))]);
  for (const path of paths) {
    const [before, after] = await Promise.all([
      linesOf(join(projectRoot, path)),
      linesOf(join(folder, path)),
    ]);
    for (let index = 0; index < Math.max(before.length, after.length); index += 1) {
      if (before[index] !== after[index]) changed.push(`${path}:${index + 1}`);
    }
  }
  return changed;
}

async function typeScriptIn(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of FOLDERS) {
    const paths = await readdir(join(folder, name), { recursive: true });
    found.push(...paths.map((path) => join(name, path)).filter((path) => /\.tsx?$/.test(extname(path))));
  }
  return found;
}

async function linesOf(path: string): Promise<string[]> {
  return (await readFile(path, 'utf8').catch(() => '')).split('\n');
}
