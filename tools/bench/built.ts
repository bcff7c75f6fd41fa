import { execFile, fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import { compile, entrypoints } from '../local/built-functions.ts';
import { environment } from '../local/environment.ts';
import { functionEnv } from '../local/function-env.ts';
import { dependency } from '../local/paths.ts';
import { emptySamples, measure, median, round } from './measure.ts';
import { newEvent, postEvent } from './sender.ts';
import type { BenchSystem } from './system.ts';

const RUNS = 7;
const WARM = 500;
const REQUESTS = 10_000;
const CALLERS = 16;
const TEXT_BYTES = 6 * 1024;
const FUNCTION = 'api/webhooks/prelim-report';
const SERVER = 'tools/bench/built-server';

const run = promisify(execFile);
const said = z.union([z.object({ port: z.int() }), z.object({ heapBytes: z.int() })]);

interface Built extends AsyncDisposable {
  /** Path of the compiled file, without the extension, by its source. */
  fileOf: (source: string) => string;
}

/** Compiles every function as Vercel deploys it, and the server for measuring one of them. */
export async function buildFunctions(): Promise<Built> {
  const folder = await mkdtemp(join(tmpdir(), 'polaris-built-'));
  await symlink(dependency(''), join(folder, 'node_modules'));
  await compile(folder, [...entrypoints(), `${SERVER}.ts`]);
  const remove = () => rm(folder, { recursive: true });
  return { fileOf: (source) => join(folder, `${source}.js`), [Symbol.asyncDispose]: remove };
}

/** How long each built function takes to import in a new process, in milliseconds; the median of seven. */
export async function importTimes({ fileOf }: Built): Promise<Record<string, number>> {
  const times: Record<string, number> = {};
  for (const path of entrypoints()) {
    const url = pathToFileURL(fileOf(path.replace(/\.ts$/, ''))).href;
    const program = `const t = performance.now(); await import(${JSON.stringify(url)}); console.log(performance.now() - t)`;
    const runs: number[] = [];
    for (let count = 0; count < RUNS; count += 1) {
      const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', program], {
        env: environment(),
      });
      runs.push(Number(stdout));
    }
    times[path] = round(median(runs));
  }
  return times;
}

/** `heapUsed` of a built prelim-report with the direct store, after a garbage collection: warm, and after 10,000 requests. */
export async function measureHeap(
  { fileOf }: Built,
  { ground, storeUrl, reports }: BenchSystem,
  signal: AbortSignal,
): Promise<{ heapMB: number; heapAfter10kMB: number }> {
  const { secrets, supabaseUrl } = ground;
  const env = {
    ...functionEnv({ ...secrets, url: supabaseUrl }, secrets),
    STORE_DATABASE_URL: storeUrl,
    WEBHOOK_BASE_URL: 'http://127.0.0.1:9/api/webhooks',
  };
  const server = fork(fileOf(SERVER), [fileOf(FUNCTION)], {
    env: environment(env),
    execArgv: ['--expose-gc'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  try {
    const started = await answerOf(server);
    if (!('port' in started)) throw new Error('the built function did not start');
    const url = `http://127.0.0.1:${started.port}`;
    const post = (count: number) =>
      measure(emptySamples(), { callers: CALLERS, count }, () => {
        signal.throwIfAborted();
        return postEvent(url, secrets.webhookSecret, newEvent(reports, TEXT_BYTES), 'applied');
      });
    await post(WARM);
    const heapMB = await readHeap(server);
    await post(REQUESTS);
    return { heapMB, heapAfter10kMB: await readHeap(server) };
  } finally {
    server.kill();
  }
}

async function readHeap(server: ChildProcess): Promise<number> {
  const answer = answerOf(server);
  server.send('heap');
  const read = await answer;
  if (!('heapBytes' in read)) throw new Error('the built function did not report its heap');
  return round(read.heapBytes / 2 ** 20);
}

async function answerOf(server: ChildProcess): Promise<z.infer<typeof said>> {
  const ended = new AbortController();
  const onExit = (code: number | null) => {
    ended.abort(new Error(`the built function ended (${code ?? 'killed'})`));
  };
  server.once('exit', onExit);
  try {
    const messages: unknown[] = await once(server, 'message', { signal: ended.signal });
    return said.parse(messages[0]);
  } catch (error) {
    throw ended.signal.aborted ? ended.signal.reason : error;
  } finally {
    server.off('exit', onExit);
  }
}
