/**
 * The local system for developers: database, Supabase API, functions, a sweep in place of the cron, and the console.
 * `--fresh` deletes the local database first; `--store direct` lets the functions call SQL functions by a connection pool.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { consolePage } from '../tools/local/console-page.ts';
import { dataDirectory, lockDirectory, removeDatabase, writeDevFile } from '../tools/local/data-directory.ts';
import { startFront } from '../tools/local/front.ts';
import { startLocalSystem } from '../tools/local/local-system.ts';
import { projectRoot } from '../tools/local/paths.ts';
import { portFrom } from '../tools/local/ports.ts';
import { readStore } from '../tools/local/store-option.ts';
import { startSweeper } from '../tools/local/sweeper.ts';
import { aborted, stopSignal } from '../tools/local/until-stopped.ts';
import { describeAccess } from '../tools/local/describe-access.ts';

const print = (line: string) => process.stdout.write(`${line}\n`);

async function main(signal: AbortSignal): Promise<void> {
  const settings = join(projectRoot, '.env.local');
  if (existsSync(settings)) process.loadEnvFile(settings);
  const ports = {
    people: portFrom('PORT', 3000),
    supabaseApi: portFrom('SUPABASE_API_PORT', 54321),
    database: portFrom('SUPABASE_DB_PORT', 54322),
  };
  const directory = dataDirectory();
  const { values } = parseArgs({
    options: { fresh: { type: 'boolean', default: false }, store: { type: 'string', default: 'rest' } },
  });
  const { fresh } = values;
  const store = readStore(values.store);
  if (fresh && process.env['SUPABASE_URL']) {
    throw new Error(
      '--fresh deletes only a database of the local system, but SUPABASE_URL names another one. Unset SUPABASE_URL, or leave --fresh out.',
    );
  }

  await using stack = new AsyncDisposableStack();
  stack.defer(await lockDirectory(directory));
  if (fresh) {
    print(`--fresh: deleting the local database in ${directory}`);
    await removeDatabase(directory);
  }
  const system = stack.use(
    await startLocalSystem({
      directory,
      store,
      ports: { ...ports, functions: 0 },
      onLine: print,
      onStep: (step) => {
        print(`starting: ${step}`);
      },
      signal,
      isSupervised: true,
    }),
  );
  const functionsUrl = system.dev.url;
  const front = await startFront({
    port: ports.people,
    functionsPort: Number(new URL(functionsUrl).port),
    startPage: consolePage(system.dev, directory),
  });
  stack.defer(() => front.stop());
  stack.defer(startSweeper({ functionsUrl, cronSecret: system.dev.cronSecret, onLine: print }));
  const dev = { ...system.dev, url: front.url };
  stack.defer(await writeDevFile(directory, dev));
  print(describeAccess(dev, directory));
  const failure = await Promise.race([aborted(signal), system.failed]);
  print('stopping');
  if (failure instanceof Error) throw failure;
}

const signal = stopSignal();
try {
  await main(signal);
} catch (error) {
  if (!signal.aborted) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
process.exit();
