/**
 * One turn of another queue, in a process of its own so that its CPU time is the queue's: `PEER POSTGRES_PID JOBS`, with
 * DATABASE_URL in the environment, since command lines are readable by every process. Prints one line of JSON.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Logger, makeWorkerUtils, run, type TaskList } from 'graphile-worker';
import pg from 'pg';
import { PgBoss } from 'pg-boss';
import { readDatabaseCpuMs } from './cpu.ts';
import { newEvent } from './sender.ts';

const CALLERS = 4;
const CONNECTIONS = 10;
const WARM = 100;
const TEXT_BYTES = 6 * 1024;
const TASK = 'deliver';

interface Queue extends AsyncDisposable {
  /** Enqueues the payloads and processes all of them. */
  pass(payloads: object[]): Promise<void>;
}

interface Fetched {
  id: string;
  data: { data: { research_report: string } };
}

/** Runs the work with CALLERS concurrent callers. */
async function forEach<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const left = items.values();
  await Promise.all(
    Array.from({ length: CALLERS }, async () => {
      for (const item of left) await work(item);
    }),
  );
}

/** Each caller sends a job, fetches one, and completes it. Supervision is off: it would only add cost. */
async function openPgBoss(url: string): Promise<Queue> {
  const boss = new PgBoss({
    connectionString: url,
    max: CONNECTIONS,
    supervise: false,
    schedule: false,
  });
  boss.on('error', (error) => {
    throw error;
  });
  await boss.start();
  await boss.createQueue(TASK);
  return {
    async pass(payloads) {
      await forEach(payloads, async (payload) => {
        await boss.send(TASK, payload);
        let job: Fetched | undefined;
        // Retry while no job is returned: other callers held the visible jobs, and their own jobs came after the look.
        while (job === undefined) [job] = await boss.fetch<Fetched['data']>(TASK);
        if (job.data.data.research_report.length !== TEXT_BYTES) throw new Error('pg-boss lost a text');
        await boss.complete(TASK, job.id);
      });
    },
    [Symbol.asyncDispose]: () => boss.stop(),
  };
}

/** Callers add jobs; the same number of workers take them when notified. */
async function openGraphileWorker(url: string): Promise<Queue> {
  const pool = new pg.Pool({ connectionString: url, max: CONNECTIONS });
  // Without a listener, graphile-worker warns. If a connection dies, its job fails, and with it the turn.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  const logger = new Logger(() => () => undefined);
  const options = { pgPool: pool, logger };
  const utils = await makeWorkerUtils(options);
  await utils.migrate();
  let completed = 0;
  const tasks: TaskList = { [TASK]: () => undefined };
  const runner = await run({ ...options, concurrency: CALLERS, noHandleSignals: true, taskList: tasks });
  runner.events.on('job:complete', ({ error }) => {
    if (error !== null && error !== undefined) throw new Error('graphile-worker failed', { cause: error });
    completed += 1;
  });
  return {
    async pass(payloads) {
      completed = 0;
      await forEach(payloads, (payload) => utils.addJob(TASK, payload));
      while (completed < payloads.length) await sleep(1);
    },
    async [Symbol.asyncDispose]() {
      await runner.stop();
      await utils.release();
      await pool.end();
    },
  };
}

const QUEUES: Readonly<Record<string, (url: string) => Promise<Queue>>> = {
  'pg-boss': openPgBoss,
  'graphile-worker': openGraphileWorker,
};

const [peer = '', pid = '', jobs = ''] = process.argv.slice(2);
const open = QUEUES[peer];
if (open === undefined) throw new Error(`there is no peer ${peer}`);
const make = (count: number) =>
  Array.from(
    { length: count },
    () => newEvent(['00000000-0000-4000-8000-000000000000'], TEXT_BYTES).envelope,
  );
const payloads = make(Number(jobs));
await using queue = await open(process.env['DATABASE_URL'] ?? '');
await queue.pass(make(WARM));
const databaseBefore = await readDatabaseCpuMs(Number(pid));
const before = process.cpuUsage();
const started = performance.now();
await queue.pass(payloads);
const elapsedMs = performance.now() - started;
const { user, system } = process.cpuUsage(before);
const databaseMs = (await readDatabaseCpuMs(Number(pid))) - databaseBefore;
console.log(JSON.stringify({ elapsedMs, clientMs: (user + system) / 1000, databaseMs }));
