import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { intake as intakeSchema, type Intake } from '../../src/contracts/intake.ts';
import { checkResults } from './check.ts';
import { startOutageProxy } from './outage-proxy.ts';
import { addReport, type DemoReport } from './pipeline.ts';
import { createProgress } from './progress.ts';
import { tellStory } from './story.ts';
import { startSubscriber } from './subscriber.ts';
import { table } from './table.ts';
import { startAlertReceiver } from '../local/alert-receiver.ts';
import { consolePage } from '../local/console-page.ts';
import { dataDirectory, lockDirectory, removeDatabase, writeDevFile } from '../local/data-directory.ts';
import { describeAccess } from '../local/describe-access.ts';
import { endConnections } from '../local/end-connections.ts';
import { startFront } from '../local/front.ts';
import { startLocalSystem } from '../local/local-system.ts';
import { projectRoot } from '../local/paths.ts';
import { freePort, portFrom } from '../local/ports.ts';
import { isSlowStartNotice } from '../local/slow-start.ts';
import type { LocalStore } from '../local/store-option.ts';
import { startSweeper } from '../local/sweeper.ts';
import { createTimeLapse } from '../local/time-lapse.ts';
import { aborted } from '../local/until-stopped.ts';

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

/** Returns whether every result is stored exactly once and every event was received. With `keep`, runs until it is stopped. */
export async function demo(
  signal: AbortSignal,
  { keep, store }: { keep: boolean; store: LocalStore },
): Promise<boolean> {
  const started = Date.now();
  const intakes = await readIntakes();
  const directory = `${dataDirectory()}-demo`;
  await using stack = new AsyncDisposableStack();
  await mkdir(directory, { recursive: true });
  const unlock = await lockDirectory(directory);
  // The demo has its own data directory, deleted at each start.
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  stack.defer(unlock);
  await removeDatabase(directory);

  const proxy = stack.use(await startOutageProxy());
  const clock = keep ? undefined : stack.use(await createTimeLapse(directory));
  const now = () => clock?.now() ?? Date.now();
  const alertSecret = `whsec_${randomBytes(32).toString('base64')}`;
  const receiver = stack.use(await startAlertReceiver(() => alertSecret, now));
  const pass = async (seconds: number) => {
    signal.throwIfAborted();
    await (clock?.pass(seconds) ?? sleep(seconds * 1000, undefined, { signal }));
  };
  const port = async (variable: string, fallback: number) =>
    keep ? portFrom(variable, fallback) : freePort();
  const system = stack.use(
    await startLocalSystem({
      directory,
      store,
      ports: {
        supabaseApi: await port('SUPABASE_API_PORT', 54321),
        database: await port('SUPABASE_DB_PORT', 54322),
        functions: 0,
      },
      env: {
        WEBHOOK_BASE_URL: proxy.baseUrl,
        ALERT_URLS: receiver.url,
        ALERT_SECRET: alertSecret,
      },
      ...(clock && { hostEnv: clock.hostEnv }),
      // Hide what the services print: during the outage it is noise.
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
  stack.defer(() => endConnections(sql));

  const reports: DemoReport[] = [];
  for (const { name, intake } of intakes) reports.push(await addReport(system, accounts.user, name, intake));
  const { jobs, missing } = await tellStory({
    system,
    sql,
    reports,
    proxy,
    receiver,
    subscribe: async () => stack.use(await startSubscriber(system, accounts.operator.accessToken, now)),
    now,
    pass,
    signal,
    step,
    print,
  });

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
  for (const what of missing) print(`missing: ${what}`);
  const proven = lost === 0 && stored >= LEAST_RESULTS && direct >= LEAST_DIRECT && missing.length === 0;
  if (!keep) {
    await stack.disposeAsync();
    print(verdict);
    return proven;
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
  return proven;
}
