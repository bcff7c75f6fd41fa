/**
 * Builds the project as Vercel does, then imports and calls every built function, each in its own process. A build alone
 * proves little: it succeeds even if an import fails to resolve at run time. Needs the Vercel CLI (VERCEL_CLI, or on the
 * path); without it, prints that and does nothing.
 */
import { execFile, spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import { copyProject } from '../tools/build/copy-project.ts';
import { environment } from '../tools/local/environment.ts';
import { projectRoot } from '../tools/local/paths.ts';
import { stopSignal } from '../tools/local/until-stopped.ts';
import { describeError } from '../tools/local/wrong-use.ts';

const run = promisify(execFile);
const PROJECT = {
  projectId: 'prj_local',
  orgId: 'team_local',
  settings: {
    framework: null,
    buildCommand: 'mkdir -p dist && cp -n README.md dist/ || true',
    outputDirectory: 'dist',
    installCommand: 'true',
    nodeVersion: '24.x',
  },
};

const functionConfig = z.object({ handler: z.string() });

/** Calls the function's GET without credentials. Every function must answer with problem details and not crash. */
const CALL = `
  const module = await import(process.argv[1]);
  const handle = module.GET ?? module.default?.GET;
  if (typeof handle !== 'function') throw new Error('exports no GET');
  const response = await handle(new Request('https://polaris.example.com' + process.argv[2]));
  console.log(response.status, response.headers.get('content-type'));
`;

async function build(cli: string, workdir: string, signal: AbortSignal): Promise<void> {
  await copyProject(projectRoot, workdir);
  await symlink(join(projectRoot, 'node_modules'), join(workdir, 'node_modules'));
  await mkdir(join(workdir, '.vercel'));
  await writeFile(join(workdir, '.vercel/project.json'), JSON.stringify(PROJECT));
  const settings = z.looseObject({}).parse(JSON.parse(await readFile(join(workdir, 'vercel.json'), 'utf8')));
  // The console has its own build command; this script checks only the functions.
  delete settings['buildCommand'];
  await writeFile(join(workdir, 'vercel.json'), JSON.stringify(settings));
  await run(cli, ['build', '--yes', '--token', 'none'], {
    cwd: workdir,
    env: environment({ VERCEL_INSTALL_COMPLETED: '1', HOME: workdir, VERCEL_TELEMETRY_DISABLED: '1' }),
    maxBuffer: 64 * 1024 * 1024,
    signal,
  });
}

async function callBuilt(functionFolder: string, path: string, signal: AbortSignal): Promise<string> {
  const config = functionConfig.parse(
    JSON.parse(await readFile(join(functionFolder, '.vc-config.json'), 'utf8')),
  );
  const url = pathToFileURL(join(functionFolder, config.handler)).href;
  // No variable is set there: a function that needs its configuration answers 500 with problem details.
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', CALL, url, path], {
    env: environment(),
    signal,
  });
  return stdout.trim().split('\n').at(-1) ?? '';
}

async function main(signal: AbortSignal): Promise<boolean> {
  const cli = process.env['VERCEL_CLI'] ?? 'vercel';
  if (spawnSync(cli, ['--version']).error !== undefined) {
    console.log(
      'Skipped: the Vercel CLI is not at hand. Install vercel@60.1.3 somewhere, and name it in VERCEL_CLI.',
    );
    return true;
  }
  const workdir = await mkdtemp(join(tmpdir(), 'polaris-build-'));
  try {
    await build(cli, workdir, signal);
    let isSound = true;
    for (const entry of globSync('api/**/*.ts', { cwd: projectRoot }).sort()) {
      const path = `/${entry.replace(/\.ts$/, '')}`;
      const folder = join(workdir, '.vercel/output/functions', `${path.slice(1)}.func`);
      signal.throwIfAborted();
      try {
        const answer = await callBuilt(folder, path, signal);
        if (!/^[45]\d\d application\/problem\+json$/.test(answer)) throw new Error(`answered ${answer}`);
        console.log(`${path}: ${answer}`);
      } catch (error) {
        signal.throwIfAborted();
        isSound = false;
        console.error(`${path}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    return isSound;
  } finally {
    await rm(workdir, { recursive: true, force: true });
  }
}

const signal = stopSignal();
try {
  process.exitCode = (await main(signal)) ? 0 : 1;
} catch (error) {
  process.exitCode = signal.aborted ? 130 : 1;
  if (!signal.aborted) console.error(describeError(error));
}
