import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { endConnections } from '../local/end-connections.ts';
import { migrate } from '../local/migrate.ts';
import { freePort } from '../local/ports.ts';
import { prepareDatabase } from '../local/prepare-database.ts';
import { createSecrets } from '../local/secrets.ts';
import { startPostgresService } from '../local/services.ts';
import { MAX_DEPTH } from '../../src/server/http/read-json.ts';
import { scanJson } from '../../src/server/http/scan-json.ts';
import { ENTRIES, type HostileEntry } from './hostile-entries.ts';
import { SHAPES, type Shape } from './hostile-shapes.ts';

const MOST_MS = 500;
/** The fastest run counts. */
const RUNS = 3;

interface Measured {
  ms: number;
  /** The answer, or the SQLSTATE of the refusal. */
  answer: string;
}

/** Measures a call including its commit, with a report of its own. `sql` has one connection. */
export async function measureEntry(sql: postgres.Sql, entry: HostileEntry, value: string): Promise<Measured> {
  const call = await entry.prepare(sql, value);
  const began = await spentMs(sql);
  let answer: string;
  try {
    answer = await call(value);
  } catch (error) {
    if (!(error instanceof postgres.PostgresError)) throw error;
    answer = error.code;
  }
  return { ms: (await spentMs(sql)) - began, answer };
}

/** CPU time of the connection's server process (Linux); elsewhere wall-clock time, which includes other work. */
async function spentMs(sql: postgres.Sql): Promise<number> {
  const [row] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
  try {
    const [onCpuNs] = (await readFile(`/proc/${row?.pid}/schedstat`, 'utf8')).split(' ');
    return Number(onCpuNs) / 1e6;
  } catch {
    return performance.now();
  }
}

async function leastOf(sql: postgres.Sql, entry: HostileEntry, { make }: Shape, signal: AbortSignal) {
  const value = make(entry.bytes);
  let least: Measured | undefined;
  for (let run = 0; run < RUNS; run += 1) {
    signal.throwIfAborted();
    const one = await measureEntry(sql, entry, value);
    if (least === undefined || one.ms < least.ms) least = one;
  }
  if (least === undefined) throw new Error('nothing was measured');
  return least;
}

const round = (value: number) => String(Math.round(value)).padStart(6);

/**
 * Measures the database cost of values of maximum size that are built to be as expensive as possible, through each SQL
 * function or statement that takes one. Returns whether all of them are within rule 14.
 */
export async function benchHostileDatabase(signal: AbortSignal, all: boolean): Promise<boolean> {
  const { databasePassword } = createSecrets();
  await using stack = new AsyncDisposableStack();
  const database = await startPostgresService({
    directory: await mkdtemp(join(tmpdir(), 'polaris-hostile-')),
    port: await freePort(),
    password: databasePassword,
    temporary: true,
  });
  stack.defer(() => database.stop());
  const { url } = database.state();
  await prepareDatabase(url);
  await migrate(url);
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  stack.defer(() => endConnections(sql));

  let isOver = false;
  for (const entry of ENTRIES) {
    const [plain, ...shapes] = SHAPES;
    if (plain === undefined) throw new Error('there are no shapes');
    const floor = await leastOf(sql, entry, plain, signal);
    let worst = { ...floor, shape: plain.name };
    for (const shape of shapes) {
      if (entry.isScanned && !scanJson(shape.make(entry.bytes), { maxDepth: MAX_DEPTH, open: [] }).ok)
        continue;
      const one = await leastOf(sql, entry, shape, signal);
      if (one.ms > worst.ms) worst = { ...one, shape: shape.name };
      if (all) console.log(`  ${round(one.ms)} ms  ${one.answer.padEnd(16)} ${shape.name}`);
    }
    const fits = worst.ms <= MOST_MS;
    isOver ||= !fits;
    const ratio = (worst.ms / floor.ms).toFixed(1);
    console.log(
      `${fits ? 'ok  ' : 'OVER'} ${entry.name.padEnd(46)} ${round(worst.ms)} ms CPU (plain text ${round(floor.ms)} ms, ${ratio} times)  ${worst.shape}: ${worst.answer}`,
    );
  }
  console.log(
    `Rule 14 allows ${MOST_MS} ms of the database. The worst of ${SHAPES.length} shapes is shown; --all shows each.`,
  );
  return !isOver;
}
