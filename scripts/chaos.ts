/**
 * Breaks everything at once, and counts: `npm run chaos -- --jobs N --seed S`. Starts the whole local system as separate
 * processes, drives N jobs through HTTP while about half of all calls fail, hosts are killed and the database goes away, and
 * ends when everything has settled. Exit status 0 only if every result is stored exactly once.
 */
import { parseArgs } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { drawAccount, historyOf, type Account } from './chaos/account.ts';
import { driveJobs, type ChaosJob } from './chaos/drive.ts';
import { countOpen, startSweeps, startTimeLapse } from './chaos/settle.ts';
import { addReports, startChaosSystem, type ChaosSystem } from './chaos/system.ts';
import { startTrouble, type Troubles } from './chaos/trouble.ts';
import { createProgress } from './demo/progress.ts';
import { stopSignal } from './local/until-stopped.ts';

const { step, print } = createProgress(process.stdout);

function readArguments(): { count: number; seed: number } {
  const { values } = parseArgs({
    options: { jobs: { type: 'string', default: '200' }, seed: { type: 'string', default: '1' } },
  });
  const count = Number(values.jobs);
  const seed = Number(values.seed);
  if (!Number.isInteger(count) || count < 1 || count > 100_000 || !Number.isInteger(seed)) {
    throw new Error('Usage: npm run chaos -- --jobs N --seed S, both whole numbers, N from 1 to 100000.');
  }
  return { count, seed };
}

const JOBS_PER_REPORT = 4;
/** Beyond this, faults end, so that what is left can show whether it settles at all. */
const CALM_AFTER_MS = 180_000;
/** What has not settled this long after all faults have ended is stuck. */
const PATIENCE_MS = 90_000;

async function untilSettled(
  system: ChaosSystem,
  stopTrouble: () => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const requested = Date.now();
  let calmSince: number | undefined;
  for (;;) {
    signal.throwIfAborted();
    const open = await countOpen(system);
    if (open !== undefined) {
      step(`settling: ${open.jobs} jobs, ${open.deliveries} deliveries, ${open.events} events are open`);
      if (open.jobs + open.deliveries + open.events === 0) return;
    }
    if (calmSince === undefined && Date.now() - requested > CALM_AFTER_MS) {
      await stopTrouble();
      system.calm();
      calmSince = Date.now();
    }
    if (calmSince !== undefined && Date.now() - calmSince > PATIENCE_MS) return;
    await sleep(1000, undefined, { signal });
  }
}

async function report(system: ChaosSystem, account: Account, troubles: Troubles): Promise<void> {
  const { webhookProxy, restProxy } = system;
  print(
    [
      '',
      `results expected            ${account.jobs}`,
      `stored exactly once         ${account.stored}`,
      `attempts recorded           ${account.attempts}`,
      `direct updates              ${account.directUpdates}`,
      `take-overs of jobs          ${account.takeOvers}`,
      `dead letters                ${account.deadLetters}`,
      `webhook requests received   ${account.received}, audited ${account.auditRows}`,
      `notifications               ${account.notifications} of ${account.appliedFinals} applied finals`,
      `webhook calls faulted       ${webhookProxy.faulted} of ${webhookProxy.calls}`,
      `database calls faulted      ${restProxy.faulted} of ${restProxy.calls}`,
      `hosts killed                ${troubles.hostsKilled}, single functions ${troubles.functionsKilled}`,
      `database restarted          ${troubles.databaseRestarts}, connections terminated ${troubles.connectionsTerminated}`,
      '',
    ].join('\n'),
  );
  for (const fault of account.faults.slice(0, 20)) print(`deviation: ${fault}`);
  for (const [jobId, deviations] of [...account.deviations].slice(0, 20)) {
    print(`deviation: ${jobId}: ${deviations.join('; ')}`);
    for (const line of await historyOf(system.sql, jobId)) print(`  ${line}`);
  }
}

async function main(signal: AbortSignal): Promise<boolean> {
  const { count, seed } = readArguments();
  const started = Date.now();
  let verdict: string;
  let isSound: boolean;
  {
    await using stack = new AsyncDisposableStack();
    const system = stack.use(await startChaosSystem(seed, step));
    signal.throwIfAborted();
    const reports = await addReports(system.sql, Math.ceil(count / JOBS_PER_REPORT));
    const stopSweeps = startSweeps(system, seed);
    stack.defer(stopSweeps);
    const stopTimeLapse = startTimeLapse(system);
    stack.defer(stopTimeLapse);
    const { troubles, stop: stopTrouble } = startTrouble(system, seed);
    stack.defer(stopTrouble);

    const jobs: ChaosJob[] = [];
    await driveJobs(system, {
      count,
      seed,
      reports,
      signal,
      onJob(job) {
        jobs.push(job);
        if (jobs.length % 50 === 0) step(`requested: ${jobs.length} of ${count} jobs`);
      },
    });
    await untilSettled(system, stopTrouble, signal);
    await stopTrouble();
    await stopSweeps();
    await stopTimeLapse();
    const account = await drawAccount(system, jobs);
    await report(system, account, troubles);
    isSound = account.deviations.size === 0 && account.faults.length === 0 && account.stored === count;
    const faulted = system.webhookProxy.faulted + system.restProxy.faulted;
    const calls = system.webhookProxy.calls + system.restProxy.calls;
    verdict =
      `chaos: ${account.jobs} jobs, ${account.stored} stored exactly once, ${account.lost} lost, ` +
      `${account.duplicated} duplicated, ${account.stuck} stuck, ${account.overwritten} overwritten; ` +
      `${faulted} of ${calls} calls faulted`;
  }
  print(`Seed ${seed}, ${Math.round((Date.now() - started) / 1000)} s.`);
  print(verdict);
  return isSound;
}

const signal = stopSignal();
try {
  process.exitCode = (await main(signal)) ? 0 : 1;
} catch (error) {
  process.exitCode = signal.aborted ? 130 : 1;
  if (!signal.aborted) print(error instanceof Error ? (error.stack ?? error.message) : String(error));
}
process.exit();
