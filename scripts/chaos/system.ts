import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { functionEnv } from '../local/function-env.ts';
import { liftLimits } from '../local/lift-limits.ts';
import { migrate } from '../local/migrate.ts';
import { freePort } from '../local/ports.ts';
import { waitForExit, signal } from '../local/processes.ts';
import { createSecrets, type Secrets } from '../local/secrets.ts';
import {
  startFunctionsService,
  startPostgresService,
  startSupabaseApiService,
  type FunctionsService,
} from '../local/services.ts';
import { prepareDatabase } from '../local/prepare-database.ts';
import type { SupabaseApiOptions } from '../local/supabase-api.ts';
import { startFaultProxy, type FaultProxy, type Passed } from './fault-proxy.ts';
import { drawFault, REST_FAULTS, WEBHOOK_FAULTS } from './faults.ts';
import { createRandom } from './random.ts';

/** A function host: killed and started again, at the same address. */
export interface Host {
  url: string;
  isUp(): boolean;
  /** SIGKILL to it and all its functions at once, then a new start. */
  crash(): Promise<void>;
  /** SIGKILL to one function's process; the next request starts it again. */
  crashOne(index: number): void;
}

export interface ChaosSystem extends AsyncDisposable {
  secrets: Secrets;
  /** Past the proxies, for the driver's own looks and for what happens to the database. */
  sql: postgres.Sql;
  hosts: Host[];
  webhookProxy: FaultProxy;
  restProxy: FaultProxy;
  /** What reached the webhook endpoints, and the SQL function behind them. */
  received: Passed[];
  /** Calls of the SQL function, by event: more than requests where the network or the store repeated one. */
  applyCalls: Map<string, number>;
  database: {
    /** Immediate mode: no clean shutdown, recovery from the log; away for so long. */
    restart(awayMs: number): Promise<void>;
  };
  /** No fault any more. */
  calm(): void;
}

const HOSTS = 2;
/** About half of all calls. */
const FAULT_SHARE = 0.5;

export const ENTRYPOINTS = [
  'api/reportJobsDb.ts',
  'api/webhooks/prelim-report.ts',
  'api/webhooks/final-report.ts',
  'api/cron/sweep.ts',
  'api/cron/take-over.ts',
];

const QUICK = {
  WEBHOOK_TIMEOUT_MS: '1000',
  WEBHOOK_MAX_RETRIES: '2',
  JOB_LEASE_SECONDS: '5',
  // Here everybody dies all the time; giving up is tested elsewhere.
  JOB_MAX_TAKE_OVERS: '100',
};

/** Database, REST layer, function hosts as separate processes, with a proxy wherever they call each other. */
export async function startChaosSystem(seed: number, onStep: (step: string) => void): Promise<ChaosSystem> {
  await using stack = new AsyncDisposableStack();
  const secrets = createSecrets();
  const quiet = { onLine: () => undefined };
  let share = FAULT_SHARE;

  onStep('starting: database');
  const directory = await mkdtemp(join(tmpdir(), 'polaris-chaos-'));
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  const postgresOptions = { directory, port: await freePort(), password: secrets.databasePassword };
  let database = await startPostgresService(postgresOptions, quiet);
  stack.defer(() => database.stop());
  const databaseUrl = database.state().url;
  await prepareDatabase(databaseUrl);
  await migrate(databaseUrl);
  const sql = postgres(databaseUrl, { max: 4, onnotice: () => undefined });
  stack.defer(() => sql.end({ timeout: 5 }));
  await liftLimits(sql);

  onStep('starting: Supabase API');
  const api = stack.use(await keepSupabaseApi({ databaseUrl, port: await freePort(), ...secrets }));

  const applyCalls = new Map<string, number>();
  const restRandom = createRandom(seed, 'rest');
  const restProxy = stack.use(
    await startFaultProxy({
      target: () => api.url,
      draw: () => drawFault(restRandom, REST_FAULTS, share),
      onPassed({ path, body }) {
        if (!path.endsWith('/apply_report_event')) return;
        const { p_event_id } = JSON.parse(body.toString()) as { p_event_id: string };
        applyCalls.set(p_event_id, (applyCalls.get(p_event_id) ?? 0) + 1);
      },
    }),
  );
  const hosts: Host[] = [];
  const received: Passed[] = [];
  const routes = createRandom(seed, 'routes');
  const webhookRandom = createRandom(seed, 'webhook');
  const webhookProxy = stack.use(
    await startFaultProxy({
      target: () => {
        const up = hosts.filter((host) => host.isUp());
        return up.length === 0 ? undefined : routes.pick(up).url;
      },
      draw: () => drawFault(webhookRandom, WEBHOOK_FAULTS, share),
      onPassed: (passed) => {
        if (passed.path.startsWith('/api/webhooks/')) received.push(passed);
      },
    }),
  );

  onStep(`starting: ${HOSTS} function hosts`);
  const env = {
    ...functionEnv({ ...secrets, url: restProxy.url }, secrets),
    ...QUICK,
    WEBHOOK_BASE_URL: `${webhookProxy.url}/api/webhooks`,
  };
  for (let count = 0; count < HOSTS; count += 1) {
    const port = await freePort();
    const start = () => startFunctionsService({ entrypoints: ENTRYPOINTS, port, env }, quiet);
    let service: FunctionsService | undefined = await start();
    stack.defer(() => service?.stop(2_000));
    hosts.push({
      url: service.state().url,
      isUp: () => service !== undefined,
      async crash() {
        const crashed = service;
        service = undefined;
        await crashed?.kill();
        service = await start();
      },
      crashOne(index) {
        const pids = service?.state().pids ?? [];
        const pid = pids[index % pids.length];
        if (pid !== undefined) signal(pid, 'SIGKILL');
      },
    });
  }
  const started = stack.move();
  return {
    secrets,
    sql,
    hosts,
    webhookProxy,
    restProxy,
    received,
    applyCalls,
    database: {
      async restart(awayMs) {
        const { pid } = database.state();
        signal(pid, 'SIGQUIT');
        await waitForExit([pid], 10_000);
        await database.stop();
        await sleep(awayMs);
        database = await startPostgresService(postgresOptions, quiet);
      },
    },
    calm: () => {
      share = 0;
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

const START_TIMEOUT_MS = 10_000;
const HEALTH_INTERVAL_MS = 1_000;
const HEALTH_TIMEOUT_MS = 3_000;

/**
 * The local REST layer dies of some database failures, or hangs after them, where Supabase's own is started again: so is
 * this.
 */
async function keepSupabaseApi(options: SupabaseApiOptions): Promise<AsyncDisposable & { url: string }> {
  const start = () =>
    startSupabaseApiService(options, { onLine: () => undefined, startTimeoutMs: START_TIMEOUT_MS });
  let service = await start();
  const { url } = service.state();
  const stopped = new AbortController();

  async function isHanging(): Promise<boolean> {
    try {
      const response = await fetch(`${url}/rest/v1/report_types?select=report_type&limit=1`, {
        headers: { apikey: options.secretKey, authorization: `Bearer ${options.secretKey}` },
        signal: AbortSignal.timeout(HEALTH_TIMEOUT_MS),
      });
      await response.text();
      return false;
    } catch (error) {
      return error instanceof Error && error.name === 'TimeoutError';
    }
  }

  const keeping = (async () => {
    for (;;) {
      const ended = await Promise.race([
        service.ended.then(() => true),
        sleep(HEALTH_INTERVAL_MS).then(() => false),
      ]);
      if (stopped.signal.aborted) return;
      if (!ended && !(await isHanging())) continue;
      await service.kill();
      // It does not start, or hangs doing so, while the database is away.
      service = await start().catch(() => service);
    }
  })();
  return {
    url,
    async [Symbol.asyncDispose]() {
      stopped.abort();
      await keeping;
      await service.stop();
    },
  };
}

/** Adds reports of one user; answers their ids. */
export async function addReports(sql: postgres.Sql, count: number): Promise<string[]> {
  const owner = randomUUID();
  await sql`insert into auth.users (id, email) values (${owner}, ${`${owner}@example.com`})`;
  const rows = Array.from({ length: count }, () => ({
    id: randomUUID(),
    user_id: owner,
    user_data: sql.json({}),
  }));
  await sql`insert into public.org_reports ${sql(rows, 'id', 'user_id', 'user_data')}`;
  return rows.map(({ id }) => id);
}
