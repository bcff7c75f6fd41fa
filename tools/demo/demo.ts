import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import type { AlertEvent } from '../../src/contracts/alerts.ts';
import { intake as intakeSchema, type Intake } from '../../src/contracts/intake.ts';
import type { Stage } from '../../src/contracts/webhooks.ts';
import { checkResults } from './check.ts';
import { startOutageProxy } from './outage-proxy.ts';
import { addReport, runJob, type DemoJob, type DemoReport } from './pipeline.ts';
import { createProgress } from './progress.ts';
import { startSubscriber } from './subscriber.ts';
import { table } from './table.ts';
import { startAlertReceiver, type AlertReceiver } from '../local/alert-receiver.ts';
import { consolePage } from '../local/console-page.ts';
import { dataDirectory, lockDirectory, removeDatabase, writeDevFile } from '../local/data-directory.ts';
import { describeAccess } from '../local/describe-access.ts';
import { startFront } from '../local/front.ts';
import { startLocalSystem, type LocalSystem } from '../local/local-system.ts';
import { projectRoot } from '../local/paths.ts';
import { freePort, portFrom } from '../local/ports.ts';
import { isSlowStartNotice } from '../local/slow-start.ts';
import { readStore } from '../local/store-option.ts';
import { callSweep, startSweeper } from '../local/sweeper.ts';
import { createTimeLapse } from '../local/time-lapse.ts';
import { aborted } from '../local/until-stopped.ts';

const CONCURRENCY = 4;
/** A few slots of the schedule, and what an alert needs to fire or to resolve: each within some minutes. */
const SWEEP_FOR_SECONDS = 600;
const BETWEEN_SWEEPS_SECONDS = 20;
const LEAST_RESULTS = 18;
const LEAST_DIRECT = 1;

const { step, print } = createProgress(process.stdout);
export { print };

async function readIntakes(): Promise<{ name: string; intake: Intake }[]> {
  const folder = join(projectRoot, 'examples/intakes');
  const files = (await readdir(folder)).filter((file) => file.endsWith('.json')).sort();
  return Promise.all(
    files.map(async (file) => ({
      name: basename(file, '.json'),
      intake: intakeSchema.parse(JSON.parse(await readFile(join(folder, file), 'utf8'))),
    })),
  );
}

/** Runs one stage of all reports, a few at a time. `onDone` is told how many have ended. */
async function runStage(
  system: LocalSystem,
  reports: readonly DemoReport[],
  stage: Stage,
  onDone: (done: number) => void,
): Promise<DemoJob[]> {
  const waiting = [...reports];
  const jobs: DemoJob[] = [];
  async function work(): Promise<void> {
    for (let report = waiting.shift(); report !== undefined; report = waiting.shift()) {
      jobs.push(await runJob(system, report, stage));
      onDone(jobs.length);
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  return jobs;
}

/** Sweeps until it is done, or the time is up; what is missing then shows in the check. */
async function sweepUntil(
  { dev }: LocalSystem,
  pass: (seconds: number) => Promise<void>,
  isDone: () => Promise<boolean> | boolean,
): Promise<void> {
  for (let passed = 0; passed < SWEEP_FOR_SECONDS; passed += BETWEEN_SWEEPS_SECONDS) {
    await callSweep(dev.url, dev.cronSecret);
    if (await isDone()) return;
    await pass(BETWEEN_SWEEPS_SECONDS);
  }
}

/** Whether the webhook path has confirmed everything. */
async function isConfirmed(sql: postgres.Sql): Promise<boolean> {
  const [open] = await sql<{ count: number }[]>`
    select count(*)::int as count from public.webhook_deliveries where status <> 'success' and dead_at is null`;
  const count = open?.count ?? 0;
  if (count > 0) step(`sweeping: ${count} deliveries wait to be confirmed`);
  return count === 0;
}

/** The first alert of the outage: it fired, or it is resolved. */
function alertOf({ events }: AlertReceiver, type: AlertEvent['type']): AlertEvent['data'] | undefined {
  return events.find((event) => event.type === type && event.data.rule === 'success_rate')?.data;
}

/** Whether every result is stored exactly once, and every event was received. `keep`: it goes on until it is stopped. */
export async function demo(
  signal: AbortSignal,
  { keep, store }: { keep: boolean; store: string },
): Promise<boolean> {
  const started = Date.now();
  const intakes = await readIntakes();
  const directory = `${dataDirectory()}-demo`;
  await using stack = new AsyncDisposableStack();
  await mkdir(directory, { recursive: true });
  const unlock = await lockDirectory(directory);
  // Its data is its own, and begins anew each time.
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  stack.defer(unlock);
  await removeDatabase(directory);

  const proxy = stack.use(await startOutageProxy());
  const clock = keep ? undefined : stack.use(await createTimeLapse(directory));
  const alertSecret = `whsec_${randomBytes(32).toString('base64')}`;
  const receiver = stack.use(
    await startAlertReceiver(
      () => alertSecret,
      () => clock?.now() ?? Date.now(),
    ),
  );
  const pass = async (seconds: number) => {
    signal.throwIfAborted();
    await (clock?.pass(seconds) ?? sleep(seconds * 1000, undefined, { signal }));
  };
  const port = async (variable: string, fallback: number) =>
    keep ? portFrom(variable, fallback) : freePort();
  const system = stack.use(
    await startLocalSystem({
      directory,
      store: readStore(store),
      ports: {
        supabaseApi: await port('SUPABASE_API_PORT', 54321),
        database: await port('SUPABASE_DB_PORT', 54322),
        functions: 0,
      },
      env: {
        WEBHOOK_BASE_URL: proxy.baseUrl,
        WEBHOOK_TIMEOUT_MS: '2000',
        ALERT_URLS: receiver.url,
        ALERT_SECRET: alertSecret,
      },
      ...(clock && { hostEnv: clock.hostEnv }),
      // What the services print during the outage is noise.
      onLine: (line) => {
        if (isSlowStartNotice(line)) print(line);
      },
      onStep: (name) => {
        step(`starting: ${name}`);
      },
      signal,
    }),
  );
  const { accounts } = system;
  if (accounts === undefined) {
    throw new Error(
      'The demo writes reports, and does so only into a database on this machine: unset SUPABASE_URL.',
    );
  }
  await clock?.attach(system.dev.databaseUrl);
  proxy.passTo(system.dev.url);
  const sql = postgres(system.dev.databaseUrl, { max: 2, onnotice: () => undefined });
  stack.defer(() => sql.end());

  step('subscribing another system');
  const subscriber = stack.use(
    await startSubscriber(system, accounts.operator.accessToken, () => clock?.now() ?? Date.now()),
  );
  const reports = [];
  for (const { name, intake } of intakes) reports.push(await addReport(system, accounts.user, name, intake));
  print(
    `${reports.length} reports of ${new Set(intakes.map(({ intake }) => intake.report_type)).size} types`,
  );

  const jobs: DemoJob[] = [];
  const half = Math.ceil(reports.length / 2);
  const stages: [string, readonly DemoReport[], Stage, boolean][] = [
    ['prelims', reports.slice(0, half), 'prelim', false],
    ['prelims during the outage', reports.slice(half), 'prelim', true],
    ['finals', reports, 'final', false],
  ];
  for (const [title, some, stage, isDown] of stages) {
    signal.throwIfAborted();
    if (isDown) print('outage: the webhook endpoints cannot be reached');
    proxy.setDown(isDown);
    const done = await runStage(system, some, stage, (count) => {
      step(`${title}: ${count} of ${some.length}`);
    });
    print(`${title}: ${done.length} results`);
    jobs.push(...done);
    if (isDown) {
      step('sweeping until an alert fires');
      await sweepUntil(system, pass, () => alertOf(receiver, 'alert.firing') !== undefined);
      const alert = alertOf(receiver, 'alert.firing');
      print(
        alert === undefined
          ? 'no alert fired'
          : `alert fires: ${alert.title}, ${alert.subject}. ${alert.summary} ${alert.meaning}`,
      );
      print('outage over');
    }
  }
  await sweepUntil(system, pass, () => isConfirmed(sql));
  const unheard = subscriber.faults(jobs);
  for (const fault of unheard) print(fault);
  print(
    `subscriber: ${subscriber.arrivals.length} events received, each signed (checked with standardwebhooks)` +
      (unheard.length === 0 ? ', in the order of each report' : ''),
  );
  const [leftOut] = await sql<{ id: string; count: number }[]>`
    select min(id) as id, count(*)::int as count from public.report_events event
    where not exists (
      select from public.webhook_deliveries delivery
      where delivery.event_id = event.id and delivery.position is not null)`;
  if (leftOut !== undefined) {
    print(`left out by its filter: ${leftOut.count} events. ${await subscriber.explain(leftOut.id)}`);
  }
  const plan = await subscriber.replay();
  const isReplayed = () => subscriber.arrivals.some(({ replay }) => replay === plan);
  step('sweeping until the replay arrives');
  await sweepUntil(system, pass, isReplayed);
  print(isReplayed() ? 'replay: its first event arrived once more, marked as a replay' : 'no replay arrived');
  step('sweeping until the alert is resolved');
  await sweepUntil(system, pass, () => alertOf(receiver, 'alert.resolved') !== undefined);
  const resolved = alertOf(receiver, 'alert.resolved');
  print(
    resolved === undefined
      ? 'no alert is resolved'
      : `alert is resolved: ${resolved.title}, ${resolved.subject}. ${resolved.lost ?? ''}`,
  );

  const results = await checkResults(sql, jobs);
  print(`\n${table(results)}\n`);
  const faulty = results.filter(({ faults }) => faults.length > 0);
  for (const { job, faults } of faulty) print(`${job.report.name} ${job.stage}: ${faults.join(', ')}`);
  const stored = results.filter(({ events, faults }) => events === 1 && faults.length === 0).length;
  const direct = results.filter(({ channel }) => channel === 'direct').length;
  const expected = reports.length * 2;
  const lost = expected - stored;
  print(
    `Took ${Math.round((Date.now() - started) / 1000)} s. Checked by SHA-256: every text in its event and, where it won, in its report.`,
  );
  const verdict = `demo: ${stored} results stored exactly once, ${direct} by direct update, ${lost} lost`;
  const proven = lost === 0 && stored >= LEAST_RESULTS && direct >= LEAST_DIRECT && resolved !== undefined;
  const told = unheard.length === 0 && isReplayed();
  if (!keep) {
    await stack.disposeAsync();
    print(verdict);
    return proven && told;
  }
  const functionsUrl = system.dev.url;
  const front = await startFront({
    port: portFrom('PORT', 3000),
    functionsPort: Number(new URL(functionsUrl).port),
    startPage: consolePage(system.dev, directory),
  });
  stack.defer(() => front.stop());
  stack.defer(startSweeper({ functionsUrl, cronSecret: system.dev.cronSecret, onLine: print }));
  const dev = { ...system.dev, url: front.url };
  stack.defer(await writeDevFile(directory, dev));
  print(describeAccess(dev, directory));
  print(verdict);
  await aborted(signal);
  return proven && told;
}
