import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import postgres from 'postgres';
import { z } from 'zod';
import type { BenchResult, Peer } from './result.ts';
import { endConnections } from '../local/end-connections.ts';
import { environment } from '../local/environment.ts';
import { addReports } from './bed.ts';
import { round } from './measure.ts';
import { newEvent, postEvent } from './sender.ts';
import type { BenchSystem } from './system.ts';
import { requestJob } from './whole-jobs.ts';

const ROUNDS = 3;
const CALLERS = 4;
const JOBS = 600;
/** Whole jobs of ours in a round. Each also generates its text. */
const WHOLE_JOBS = 150;
const TEXT_BYTES = 6 * 1024;
const POLL_MS = 50;
const JOBS_TIMEOUT_MS = 120_000;

const turn = z.object({ elapsedMs: z.number(), clientMs: z.number(), databaseMs: z.number() });
type Turn = z.infer<typeof turn>;
type Peers = BenchResult['peers'];

const child = fileURLToPath(new URL('./peer-child.ts', import.meta.url));
const runFile = promisify(execFile);

/** Compares our queue with other PostgreSQL queues for a payload of 6 KB, in turns on the same server. */
export async function measurePeers(
  system: BenchSystem,
  signal: AbortSignal,
  onStep: (step: string) => void,
): Promise<Peers> {
  const { databaseUrl, processes } = system.ground;
  const url = await makeDatabase(databaseUrl);
  const peer = (name: string) => async () => {
    const { stdout } = await runFile(
      process.execPath,
      [child, name, String(processes.database), String(JOBS)],
      { env: environment({ DATABASE_URL: url }), signal },
    );
    return turn.parse(JSON.parse(stdout));
  };
  const subjects = [
    { name: 'pgBoss', jobs: JOBS, take: peer('pg-boss') },
    { name: 'graphileWorker', jobs: JOBS, take: peer('graphile-worker') },
    { name: 'receiving', jobs: JOBS, take: () => receive(system) },
    { name: 'wholeJob', jobs: WHOLE_JOBS, take: () => runWholeJobs(system, signal) },
  ] as const;
  const turns = subjects.map((subject) => ({ ...subject, turns: [] as Turn[] }));
  for (let number = 1; number <= ROUNDS; number += 1) {
    for (const { name, take, turns: taken } of turns) {
      signal.throwIfAborted();
      onStep(`round ${number} of ${ROUNDS}: ${name}`);
      taken.push(await take());
    }
  }
  const of = (wanted: keyof Peers): Peer => {
    const found = turns.find(({ name }) => name === wanted);
    if (!found) throw new Error(`${wanted} was not measured`);
    const jobs = found.jobs * ROUNDS;
    const total = (part: keyof Turn) => found.turns.reduce((sum, each) => sum + each[part], 0);
    return {
      perSecond: Math.round((jobs / total('elapsedMs')) * 1000),
      cpuMs: { client: round(total('clientMs') / jobs), database: round(total('databaseMs') / jobs) },
    };
  };
  return {
    pgBoss: of('pgBoss'),
    graphileWorker: of('graphileWorker'),
    receiving: of('receiving'),
    wholeJob: of('wholeJob'),
  };
}

/** A database of its own on the same server: our checks would report the tables of the other queues as foreign. */
async function makeDatabase(databaseUrl: string): Promise<string> {
  const url = new URL(databaseUrl);
  url.pathname = 'bench_peers';
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => undefined });
  try {
    await sql`create database bench_peers`;
  } finally {
    await endConnections(sql);
  }
  return url.href;
}

async function timed({ readCpu }: BenchSystem, work: () => Promise<void>): Promise<Turn> {
  const before = await readCpu();
  const started = performance.now();
  await work();
  const elapsedMs = performance.now() - started;
  const after = await readCpu();
  return {
    elapsedMs,
    clientMs: after.functions - before.functions,
    databaseMs: after.database - before.database,
  };
}

async function byCallers(count: number, call: () => Promise<unknown>): Promise<void> {
  let left = count;
  await Promise.all(
    Array.from({ length: CALLERS }, async () => {
      while (left > 0) {
        left -= 1;
        await call();
      }
    }),
  );
}

function receive(system: BenchSystem): Promise<Turn> {
  const { ground, direct, reports } = system;
  const post = () =>
    postEvent(direct, ground.secrets.webhookSecret, newEvent(reports, TEXT_BYTES), 'applied');
  return timed(system, () => byCallers(JOBS, post));
}

async function runWholeJobs(system: BenchSystem, signal: AbortSignal): Promise<Turn> {
  const { ground, direct } = system;
  const { sql, secrets } = ground;
  const reports = await addReports(sql, WHOLE_JOBS);
  const left = reports.values();
  return timed(system, async () => {
    await byCallers(WHOLE_JOBS, async () => {
      const { value } = left.next();
      if (value !== undefined) await requestJob(direct, secrets.pipelineApiKey, value);
    });
    const deadline = performance.now() + JOBS_TIMEOUT_MS;
    for (;;) {
      signal.throwIfAborted();
      const [row] = await sql<{ delivered: number }[]>`
        select count(*)::int as delivered from public.webhook_deliveries
        where report_id in ${sql(reports)} and status = 'success'`;
      if (row?.delivered === WHOLE_JOBS) return;
      if (performance.now() > deadline) throw new Error(`${row?.delivered ?? 0} of ${WHOLE_JOBS} jobs ended`);
      await sleep(POLL_MS);
    }
  });
}
