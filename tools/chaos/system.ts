import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { z } from 'zod';
import type { InternalEndpoint } from '../../src/contracts/endpoints.ts';
import { functionEnv } from '../local/function-env.ts';
import { asRole } from '../local/hosted-roles.ts';
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
import { openStoreRole } from '../local/store-role.ts';
import type { SupabaseApiOptions } from '../local/supabase-api.ts';
import { eventsIn } from './arrived.ts';
import { startFaultProxy, type FaultProxy, type Passed } from './fault-proxy.ts';
import { drawFault, HANGING, POOL_FAULTS, REST_FAULTS, WEBHOOK_FAULTS } from './faults.ts';
import { startPoolProxy, type PoolProxy } from './pool-proxy.ts';
import { createRecorder, now, type Recorder } from './history/recorder.ts';
import { createRandom } from './random.ts';

/** A function host: killed and started again, at the same address. */
interface Host {
  url: string;
  isUp(): boolean;
  /** SIGKILL to it and all its functions at once, then a new start. */
  crash(): Promise<void>;
  /** SIGKILL to one function's process; the next request starts it again. Answers how many there were to kill: 0 or 1. */
  crashOne(index: number): number;
  /** Of the functions that run. */
  pids(): number[];
  /** Sets the time of day of all its functions, so far off the machine's; those that run notice it at once. */
  setClock(offMs: number): Promise<void>;
}

/** A call of `apply_report_event()` that reached the database. */
interface Application {
  event: string;
  bodySha256: string;
  /** The same for calls of one request. */
  request: string;
  at: number;
}

export interface ChaosSystem extends AsyncDisposable {
  secrets: Secrets;
  /** ENDPOINT_SECRETS_KEY of the functions. */
  endpointKeys: string;
  /** Past the proxies, for the driver's own looks and for what happens to the database. */
  sql: postgres.Sql;
  /** Owners of reports and functions of the platform, who write and read reports themselves. */
  others: postgres.Sql;
  /** The SQL editor, and what others do in it: as `postgres` like `sql`, with connections of their own. */
  editor: postgres.Sql;
  /** A tab of the SQL editor, with one connection of its own. */
  openTab(): postgres.Sql;
  /** Supabase Auth's role. */
  auth: postgres.Sql;
  /** A superuser, whom a hosted project does not have: for rows that nobody else could make. */
  admin: postgres.Sql;
  hosts: Host[];
  webhookProxy: FaultProxy;
  restProxy: FaultProxy;
  /** Undefined: the functions have REST alone. */
  poolProxy: PoolProxy | undefined;
  /** What reached the webhook endpoints, event by event, whichever way it came. */
  received: Passed[];
  /** Paths of all calls to the webhook endpoints, those included that a fault kept from arriving. */
  sent: string[];
  /** Calls of the SQL function behind them, by event: more than requests where the network or the store repeated one. */
  applyCalls: Map<string, number>;
  /** The same, one by one: the calls of one request have the same name here. */
  applications: Application[];
  /** What the run's own callers did and heard. */
  history: Recorder;
  /** From now on this endpoint hangs; null: none does. */
  hang(endpoint: InternalEndpoint | null): void;
  database: {
    /** Immediate mode: no clean shutdown, recovery from the log; away for so long. */
    restart(awayMs: number): Promise<void>;
    /** What its log says of deadlocks. */
    deadlocks(): Promise<string[]>;
  };
  /** No fault any more. */
  calm(): void;
}

const HOSTS = 2;
/** About half of all calls. */
const FAULT_SHARE = 0.5;

const ENTRYPOINTS = [
  'api/reportJobsDb.ts',
  'api/webhooks/prelim-report.ts',
  'api/webhooks/final-report.ts',
  'api/webhooks/batch.ts',
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

/** How the functions reach the database; `switching`: by a pool that goes away and returns, and else by REST. */
export const STORES = ['rest', 'direct', 'switching'] as const;
export type ChaosStore = (typeof STORES)[number];

/** Database, REST layer, function hosts as separate processes, with a proxy wherever they call each other. */
export async function startChaosSystem(
  seed: number,
  store: ChaosStore,
  onStep: (step: string) => void,
): Promise<ChaosSystem> {
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
  const connect = (url: string) => {
    const client = postgres(url, { max: 4, onnotice: () => undefined });
    stack.defer(() => client.end({ timeout: 5 }));
    return client;
  };
  const sql = connect(databaseUrl);
  await liftLimits(sql);
  const editor = connect(databaseUrl);
  const auth = connect(asRole(databaseUrl, 'supabase_auth_admin'));
  const admin = connect(asRole(databaseUrl, 'supabase_admin'));
  const others = connect(databaseUrl);
  // Each start of the server begins a new log.
  const earlierDeadlocks: string[] = [];
  const deadlocks = async () =>
    (await readFile(join(directory, 'postgres.log'), 'utf8')).match(
      /^.*deadlock detected[^]*?(?=^\d{4}-.*(?:CONTEXT|STATEMENT|LOG):)/gm,
    ) ?? [];

  onStep('starting: Supabase API');
  const api = stack.use(await keepSupabaseApi({ databaseUrl, port: await freePort(), ...secrets }));

  const applyCalls = new Map<string, number>();
  const applications: Application[] = [];
  const noteApply = (application: Application) => {
    applyCalls.set(application.event, (applyCalls.get(application.event) ?? 0) + 1);
    applications.push(application);
  };
  const restRandom = createRandom(seed, 'rest');
  const restProxy = stack.use(
    await startFaultProxy({
      target: () => api.url,
      draw: () => drawFault(restRandom, REST_FAULTS, share),
      onPassed({ path, body, begin }) {
        if (path.endsWith('/apply_report_event')) noteApply(readApplication(body, begin));
        if (path.endsWith('/apply_report_events')) readBatch(body, begin).forEach(noteApply);
      },
    }),
  );
  const poolRandom = createRandom(seed, 'pool');
  const poolProxy =
    store === 'rest'
      ? undefined
      : stack.use(
          await startPoolProxy({
            targetPort: Number(new URL(databaseUrl).port),
            draw: () => drawFault(poolRandom, POOL_FAULTS, share),
            onPassed(request) {
              if (request.includes('public."apply_report_event"('))
                noteApply(readApplication(request, now()));
              if (request.includes('public."apply_report_events"('))
                readBatch(request, now()).forEach(noteApply);
            },
          }),
        );
  const storeUrl = poolProxy && new URL(await openStoreRole(databaseUrl));
  if (storeUrl) storeUrl.port = String(poolProxy.port);
  const hosts: Host[] = [];
  const received: Passed[] = [];
  const routes = createRandom(seed, 'routes');
  const webhookRandom = createRandom(seed, 'webhook');
  const sent: string[] = [];
  let hanging: InternalEndpoint | null = null;
  const webhookProxy = stack.use(
    await startFaultProxy({
      target: () => {
        const up = hosts.filter((host) => host.isUp());
        return up.length === 0 ? undefined : routes.pick(up).url;
      },
      draw: (path) => {
        sent.push(path);
        return hanging !== null && path.endsWith(hanging)
          ? HANGING
          : drawFault(webhookRandom, WEBHOOK_FAULTS, share);
      },
      onPassed: (passed) => {
        if (passed.path.startsWith('/api/webhooks/')) received.push(...eventsIn(passed));
      },
    }),
  );

  onStep(`starting: ${HOSTS} function hosts`);
  const local = functionEnv({ ...secrets, url: restProxy.url }, secrets);
  const env = {
    ...local,
    ...QUICK,
    ...(storeUrl && { STORE_DATABASE_URL: storeUrl.href }),
    WEBHOOK_BASE_URL: `${webhookProxy.url}/api/webhooks`,
  };
  for (let count = 0; count < HOSTS; count += 1) {
    const port = await freePort();
    const clock = join(directory, `clock-${count}`);
    await writeFile(clock, '0');
    const preload = new URL(`../local/shifted-clock.ts?file=${encodeURIComponent(clock)}`, import.meta.url)
      .href;
    const start = () =>
      startFunctionsService(
        { entrypoints: ENTRYPOINTS, port, env },
        { ...quiet, env: { NODE_OPTIONS: `--import ${preload}` } },
      );
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
        return pid !== undefined && signal(pid, 'SIGKILL') ? 1 : 0;
      },
      pids: () => service?.state().pids ?? [],
      setClock: (offMs) => writeFile(clock, String(offMs)),
    });
  }
  const started = stack.move();
  return {
    secrets,
    endpointKeys: local['ENDPOINT_SECRETS_KEY'] ?? '',
    sql,
    others,
    editor,
    openTab: () => postgres(databaseUrl, { max: 1, onnotice: () => undefined }),
    auth,
    admin,
    hosts,
    webhookProxy,
    restProxy,
    poolProxy,
    received,
    sent,
    applyCalls,
    applications,
    history: createRecorder(),
    hang: (endpoint) => {
      hanging = endpoint;
    },
    database: {
      async restart(awayMs) {
        const { pid } = database.state();
        signal(pid, 'SIGQUIT');
        await waitForExit([pid], 10_000);
        await database.stop();
        earlierDeadlocks.push(...(await deadlocks()));
        await sleep(awayMs);
        database = await startPostgresService(postgresOptions, quiet);
      },
      deadlocks: async () => [...earlierDeadlocks, ...(await deadlocks())],
    },
    calm: () => {
      share = 0;
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

/**
 * Reads a call of the SQL function: the arguments as JSON, alone or within a statement. In the body of a webhook, which is a text
 * among them, quotes have a backslash before them.
 */
function readApplication(bytes: Buffer, at: number): Application {
  const text = bytes.toString();
  const find = (name: string) => new RegExp(`"${name}":"?([^",}\\\\]+)`).exec(text)?.[1] ?? '';
  return {
    event: find('p_event_id'),
    bodySha256: find('p_body_sha256'),
    // How long the request had taken until then, in fractions of a millisecond.
    request: find('p_elapsed_ms'),
    at,
  };
}

/** The same of a batch: each of its items has a record beside its text, in which quotes have a backslash before them. */
function readBatch(bytes: Buffer, at: number): Application[] {
  return [...bytes.toString().matchAll(/"record":(\{[^{}]*\})/g)].flatMap(([, text = '']) => {
    const { event_id: event, body_sha256: bodySha256, elapsed_ms: request } = record.parse(JSON.parse(text));
    return event === undefined ? [] : [{ event, bodySha256, request: String(request), at }];
  });
}

const record = z.object({ event_id: z.string().optional(), body_sha256: z.string(), elapsed_ms: z.number() });

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
      // While the database is unavailable, it fails to start, or hangs while starting.
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
