import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { drawAccount, historyOf, type Account } from './account.ts';
import { unexpected } from './connection-errors.ts';
import { startContests } from './contests.ts';
import { driveJobs, JOBS_PER_REPORT, type ChaosJob } from './drive.ts';
import type { Passed } from './fault-proxy.ts';
import { checkHistory, printHistory, readHistory, type Checked } from './history/check.ts';
import { collectHistory } from './history/collect.ts';
import { addPopulation, type Population } from './population.ts';
import { startReaders } from './readers.ts';
import { countOpen, startSweeps, startTimeLapse } from './settle.ts';
import { startChaosSystem, type ChaosStore, type ChaosSystem } from './system.ts';
import { startSubscribers, type Subscribers } from './subscribers.ts';
import { startTroubles, type Troubles } from './troubles.ts';
import { createProgress } from '../demo/progress.ts';
import { isWriteToEndedConnection } from '../local/ended-connection.ts';

const { step, print } = createProgress(process.stdout);
export { print };

export interface Arguments {
  count: number;
  seed: number;
  subscriberCount: number;
  store: ChaosStore;
  /** A history to check instead. */
  check: string | undefined;
}

/** For the odd reports, of which there is one of each kind at least. */
const LEAST_REPORTS = 4;
/** Beyond this, troubles end: they add odd jobs of their own. */
const TROUBLES_MS = 60_000;
/** Beyond this, calls are not faulted any more, so that what is left can show whether it settles at all. */
const CALM_AFTER_MS = 180_000;
/** When nothing more has settled for so long after all troubles have ended, the rest is stuck. */
const PATIENCE_MS = 90_000;

async function untilSettled(
  system: ChaosSystem,
  population: Population,
  troubles: Troubles,
  subscribers: Subscribers | undefined,
  signal: AbortSignal,
): Promise<void> {
  const requested = performance.now();
  let calmSince: number | undefined;
  let least = Number.POSITIVE_INFINITY;
  let most = 0;
  for (;;) {
    signal.throwIfAborted();
    const open = await countOpen(system, population.unreadableJobs);
    if (open !== undefined) {
      const { jobs, deliveries, events, erasures } = open;
      const left = troubles.left();
      step(
        `settling: ${jobs} jobs, ${deliveries} deliveries, ${events} events, ${erasures} erasures are open; ` +
          (left.length === 0 ? 'every kind of trouble has happened' : `to come: ${left.join(', ')}`),
      );
      const all = jobs + deliveries + events + erasures + left.length;
      if (all === 0) return;
      // More is open while results are still being fanned out.
      if (all < least || open.ended > most) {
        least = Math.min(least, all);
        most = Math.max(most, open.ended);
        if (calmSince !== undefined) calmSince = performance.now();
      }
    }
    const waitedMs = performance.now() - requested;
    if (waitedMs > CALM_AFTER_MS) {
      system.calm();
      await subscribers?.calm();
    }
    // What could not happen while calls were faulted, such as the dearest body on a busy machine, still has its time.
    if (
      calmSince === undefined &&
      (troubles.left().length === 0 ? waitedMs > TROUBLES_MS : waitedMs > 4 * CALM_AFTER_MS)
    ) {
      await troubles.stop();
      calmSince = performance.now();
    }
    if (waitedMs > CALM_AFTER_MS && calmSince !== undefined && performance.now() - calmSince > PATIENCE_MS) {
      return;
    }
    await sleep(1000, undefined, { signal });
  }
}

const line = (what: string, value: string | number) => `${what.padEnd(45)} ${value}`;

function sayChecked({ explained, reports, calls, mostStates }: Checked): string[] {
  return [
    line('histories explained', `${explained} of ${reports}`),
    line('calls in them', calls),
    line('states looked at for one, at most', mostStates),
  ];
}

function printUnexplained({ unexplained }: Checked): void {
  for (const { report, lines } of unexplained.slice(0, 20)) {
    print(`report ${report}:`);
    for (const each of lines) print(`  ${each}`);
  }
}

async function report(
  system: ChaosSystem,
  account: Account,
  troubles: Troubles,
  checked: Checked,
  outward: readonly [string, number][],
): Promise<void> {
  const { webhookProxy, restProxy, poolProxy } = system;
  print(
    [
      '',
      line('results expected', account.jobs),
      line('stored exactly once', account.stored),
      line('attempts recorded', account.attempts),
      line('direct updates', account.directUpdates),
      line('take-overs of jobs', account.takeOvers),
      line('dead letters', account.deadLetters),
      line('webhook requests received', `${account.received}, audited ${account.auditRows}`),
      line('notifications', `${account.notifications} of ${account.appliedFinals} applied finals`),
      line('jobs of deleted reports', listed(account.deleted)),
      line('odd jobs that ended', account.oddJobs),
      line('webhook calls faulted', `${webhookProxy.faulted} of ${webhookProxy.calls}`),
      line('database calls by REST faulted', `${restProxy.faulted} of ${restProxy.calls}`),
      ...(poolProxy === undefined
        ? []
        : [line('database calls by the pool faulted', `${poolProxy.faulted} of ${poolProxy.calls}`)]),
      ...sayChecked(checked),
      ...[...troubles.counts()].map(([kind, times]) => line(kind, times)),
      ...[...troubles.figures(), ...outward].map(([what, value]) => line(what, value)),
      '',
    ].join('\n'),
  );
  for (const text of troubles.unanswered()) print(text);
  printUnexplained(checked);
  for (const fault of account.faults.slice(0, 20)) print(`deviation: ${fault}`);
  for (const [jobId, deviations] of [...account.deviations].slice(0, 20)) {
    print(`deviation: ${jobId}: ${deviations.join('; ')}`);
    for (const line of await historyOf(system.sql, jobId)) print(`  ${line}`);
  }
}

/** Events that were answered 200, by how they came. */
function countWays(received: readonly Passed[]): [string, number][] {
  const done = received.filter(({ status }) => status === 200);
  return [
    ['events received in batches', done.filter(({ path }) => path.endsWith('/batch')).length],
    ['events received compressed', done.filter(({ headers }) => headers['content-encoding']).length],
  ];
}

function listed(counts: ReadonlyMap<string, number>): string {
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  return `${total}: ${[...counts].map(([what, count]) => `${count} ${what}`).join(', ')}`;
}

/** Whether every result is stored exactly once, and every kind of trouble happened. */
export async function chaos(
  signal: AbortSignal,
  { count, seed, subscriberCount, store, check }: Arguments,
): Promise<boolean> {
  if (check !== undefined) {
    const checked = checkHistory(await readHistory(check));
    print(sayChecked(checked).join('\n'));
    printUnexplained(checked);
    return checked.explained === checked.reports;
  }
  const started = performance.now();
  let verdict: string;
  let isSound: boolean;
  {
    await using stack = new AsyncDisposableStack();
    const system = stack.use(await startChaosSystem(seed, store, step));
    signal.throwIfAborted();
    const keptReports = Math.max(LEAST_REPORTS, Math.ceil(count / JOBS_PER_REPORT));
    const population = await addPopulation(system, { keptReports, jobs: count });
    const stopSweeps = startSweeps(system, seed);
    stack.defer(stopSweeps);
    const stopTimeLapse = startTimeLapse(system);
    stack.defer(stopTimeLapse);
    const subscribers =
      subscriberCount === 0 ? undefined : await startSubscribers(system, seed, subscriberCount);
    stack.defer(() => subscribers?.stop());
    const troubles = await startTroubles(system, seed, population, subscribers, store);
    stack.defer(() => troubles.stop());

    const stopReaders = startReaders(system, seed, population);
    stack.defer(stopReaders);
    const jobs: ChaosJob[] = [];
    const contests = startContests(system, seed, population, signal);
    // Awaited below; should a request fail before that, it is the one that counts.
    contests.catch(() => undefined);
    await driveJobs(system, {
      count,
      seed,
      population,
      signal,
      faults: troubles.faults,
      onJob(job) {
        jobs.push(job);
        if (jobs.length % 50 === 0)
          step(`requested: ${jobs.length} jobs, ${count} of them of reports that stay`);
      },
    });
    await contests;
    troubles.jobsAreRequested();
    await untilSettled(system, population, troubles, subscribers, signal);
    await troubles.stop();
    // What was given up while subscribers behaved badly is redriven, so that every pair can be confirmed.
    await subscribers?.calm();
    // The last trouble may have left an odd job.
    await untilSettled(system, population, troubles, subscribers, signal);
    await stopSweeps();
    await stopTimeLapse();
    await stopReaders();
    const account = await drawAccount(system, population, jobs, troubles.oddJobs);
    account.faults.push(...troubles.faults);
    const outward = await subscribers?.account();
    for (const fault of outward?.faults ?? []) account.faults.push(fault);
    for (const [kind, times] of troubles.counts()) {
      if (times === 0) account.faults.push(`${kind}: never happened`);
    }
    const ways = countWays(system.received);
    for (const [way, events] of ways) {
      if (events === 0) account.faults.push(`${way}: none`);
    }
    if (system.poolProxy?.calls === 0) account.faults.push('calls by the pool: none');
    if (store === 'switching' && system.restProxy.calls === 0) account.faults.push('calls by REST: none');
    const history = await collectHistory(system, population);
    const checked = checkHistory(history);
    await report(system, account, troubles, checked, [...ways, ...(outward?.figures ?? [])]);
    if (checked.explained < checked.reports) {
      const path = join(tmpdir(), `polaris-history-${seed}-${Date.now()}.jsonl`);
      await writeFile(path, printHistory(history));
      print(`The whole history is in ${path}: npm run chaos -- --check ${path}`);
      account.faults.push(`${checked.reports - checked.explained} histories that no order explains`);
    }
    isSound = account.deviations.size === 0 && account.faults.length === 0 && account.stored === count;
    const proxies = [system.webhookProxy, system.restProxy, ...(system.poolProxy ? [system.poolProxy] : [])];
    const faulted = proxies.reduce((sum, proxy) => sum + proxy.faulted, 0);
    const calls = proxies.reduce((sum, proxy) => sum + proxy.calls, 0);
    verdict =
      `chaos: ${account.jobs} jobs, ${account.stored} stored exactly once, ${account.lost} lost, ` +
      `${account.duplicated} duplicated, ${account.stuck} stuck, ${account.overwritten} overwritten; ` +
      `${faulted} of ${calls} calls faulted`;
  }
  print(`Seed ${seed}, ${Math.round((performance.now() - started) / 1000)} s.`);
  print(verdict);
  return isSound;
}

const BROKEN: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'CONNECT_TIMEOUT']);

/**
 * The driver's own connections are broken too, and their callers hear of it. postgres.js throws outside of every promise besides:
 * when one more query is written to a connection that has closed, when a socket is reset that it has let go of, when a
 * session is ended whose query nobody awaits any more, and on a busy machine when a restarted database takes no connection in time.
 */
export function outliveBrokenConnections(): void {
  process.on('uncaughtException', (error) => {
    const isReset = 'code' in error && BROKEN.has(String(error.code));
    const isEnded = error instanceof postgres.PostgresError && unexpected(error) === undefined;
    if (isWriteToEndedConnection(error) || isReset || isEnded) return;
    console.error(error);
    process.exit(1);
  });
}
