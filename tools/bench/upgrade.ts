import { spawn } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { endConnections } from '../local/end-connections.ts';
import { environment } from '../local/environment.ts';
import { migrate } from '../local/migrate.ts';
import { projectRoot } from '../local/paths.ts';
import { seedFirstVersion } from '../seed/first-version.ts';
import { startTraffic, type Waits } from './traffic.ts';

interface UpgradeSize {
  /** Number of reports. Each has a job and an audit row. */
  reports: number;
  /** How long the traffic is measured before the push, and again between the push and `npm run upgrade`. */
  quietMs: number;
}

interface Phase {
  name: string;
  seconds: number;
  reader: Waits;
  writer: Waits;
}

interface UpgradeFigures {
  phases: Phase[];
  /** Output of `npm run upgrade`. */
  printed: string[];
  /** `left`: reports that are not imported. `problems`: rows of `verify_reports()`. */
  left: number;
  problems: number;
}

/**
 * Upgrades a database of the platform under traffic of one reader and one writer: seeds it, pushes our migrations, and runs
 * `npm run upgrade`.
 * @param databaseUrl a new project's database, without the setting `polaris.alone`
 * @throws {Error} if a call of the reader or of the writer failed
 */
export async function measureUpgrade(
  databaseUrl: string,
  { reports, quietMs }: UpgradeSize,
  { onStep, signal }: { onStep: (step: string) => void; signal?: AbortSignal },
): Promise<UpgradeFigures> {
  onStep(`seeding ${reports} reports with as many jobs and audit rows`);
  await migratePlatform(databaseUrl);
  await using stack = new AsyncDisposableStack();
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => undefined });
  stack.defer(() => endConnections(sql));
  await seedFirstVersion(sql, reports);

  const traffic = await startTraffic(databaseUrl);
  let running = true;
  stack.defer(async () => {
    if (running) await traffic.stop().catch(() => undefined);
  });
  const phases: Phase[] = [];
  const measure = async (name: string, work: () => Promise<unknown>) => {
    signal?.throwIfAborted();
    onStep(name);
    traffic.nextPhase();
    const started = performance.now();
    await work();
    const seconds = (performance.now() - started) / 1000;
    phases.push({ name, seconds, ...traffic.nextPhase() });
  };
  const printed: string[] = [];
  await measure('before', () => sleep(quietMs));
  await measure('push', () => migrate(databaseUrl));
  await measure('between', () => sleep(quietMs));
  await measure('upgrade', async () => printed.push(...(await runUpgrade(databaseUrl, signal))));
  await measure('after', () => sleep(quietMs));
  running = false;
  await traffic.stop();

  onStep('verifying');
  const [row] = await sql<{ left: number; problems: number }[]>`
    select (select count(*) from private.reports_to_import)::int as left,
      (select count(*) from public.verify_reports())::int as problems`;
  if (row === undefined) throw new Error('the database has not answered');
  return { phases, printed, ...row };
}

/** Pushes from a copy, since the CLI writes files of its own beside the migrations. */
async function migratePlatform(databaseUrl: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'polaris-platform-'));
  try {
    await cp(join(projectRoot, 'tests/fixtures/platform'), folder, { recursive: true });
    await migrate(databaseUrl, folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs the command in a process of its own. Returns its output. */
async function runUpgrade(databaseUrl: string, signal?: AbortSignal): Promise<string[]> {
  const child = spawn(process.execPath, [join(projectRoot, 'scripts/upgrade.ts')], {
    env: environment({ DATABASE_URL: databaseUrl }),
    stdio: ['ignore', 'pipe', 'inherit'],
    ...(signal && { signal }),
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) lines.push(line);
  const code = await ended;
  if (code !== 0) throw new Error(`npm run upgrade ended with ${code ?? 'a signal'}: ${lines.join('\n')}`);
  return lines;
}

export function describeUpgrade({ phases, printed, left, problems }: UpgradeFigures): string {
  const waits = ({ calls, medianMs, longestMs, longest }: Waits) =>
    `${String(calls).padStart(7)}${medianMs.toFixed(1).padStart(8)}${longestMs.toFixed(0).padStart(8)}  ${longest.padEnd(22)}`;
  const head = '  calls  median longest  longest call          ';
  return [
    ...printed,
    '',
    `in ms                     reader ${head}   writer ${head}`,
    ...phases.map(
      ({ name, seconds, reader, writer }) =>
        `${name.padEnd(10)}${seconds.toFixed(1).padStart(8)} s             ${waits(reader)}          ${waits(writer)}`,
    ),
    '',
    `${left} reports are left to import; verify_reports() finds ${problems} problems`,
  ].join('\n');
}
