import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import type { AlertEvent } from '../../src/contracts/alerts.ts';
import { jobAccepted } from '../../src/contracts/jobs.ts';
import type { Stage } from '../../src/contracts/webhooks.ts';
import { addReports } from '../chaos/population.ts';
import { startAlertReceiver, type AlertReceiver } from '../local/alert-receiver.ts';
import { functionEnv } from '../local/function-env.ts';
import { asRole } from '../local/hosted-roles.ts';
import { startLocalSystem } from '../local/local-system.ts';
import { freePort } from '../local/ports.ts';
import { signal as sendSignal, waitForExit } from '../local/processes.ts';
import { startFunctionsService } from '../local/services.ts';
import { callSweep } from '../local/sweeper.ts';
import { createTimeLapse, type TimeLapse } from '../local/time-lapse.ts';
import { startGate, type Gate } from './gate.ts';
import { SHORT_TEXT, startModel, type Model } from './model.ts';

/** Pseudo rule for the external watch behind HEARTBEAT_URL, which is not one of our alert rules. */
export const OUTSIDE_WATCH = 'outside_watch';

export interface Heard {
  /** The rule of the alert, or OUTSIDE_WATCH. */
  rule: string;
  subject: string;
  type: AlertEvent['type'];
  /** Content of the alert; absent for the watch. */
  alert?: AlertEvent['data'];
}

/** A local system whose clock, network, model, cron and alert receiver a drill can break. */
export interface Bed extends AsyncDisposable {
  /** A connection as used by a person in the SQL editor. */
  editor: postgres.Sql;
  /** A superuser connection, for changes that triggers forbid to everybody else. */
  admin: postgres.Sql;
  /** Gate for the calls of our functions to each other: webhooks, pings and take-overs. */
  road: Gate;
  /** Gate between our functions and the database's REST layer. */
  database: Gate;
  model: Model;
  /** A subscriber's endpoint, which answers 200 by default. */
  subscriber: Gate;
  /** ENDPOINT_SECRETS_KEY of the functions. */
  endpointSecretsKey: string;
  receiver: AlertReceiver;
  /**
   * Everything that people were told so far: alerts, and messages of the external watch, which reports a missing heartbeat
   * after five minutes.
   */
  heard: readonly Heard[];
  clock: TimeLapse;
  /** The key that the cron sends; null: the cron is off. */
  cronSecret: string | null;
  /** Requests jobs as the pipeline does, each for a report of its own. Returns their ids. */
  request(count: number, stage: Stage): Promise<string[]>;
  /** Like `request`, then waits until each job has its result and no delivery is being sent. */
  run(count: number, stage: Stage): Promise<string[]>;
  /** Waits until the query returns rows. @throws {Error} naming `what` after a minute */
  until(what: string, query: (sql: postgres.Sql) => Promise<readonly unknown[]>): Promise<void>;
  /** Moves the clock ahead at once, then lets the cron sweep and requests the status of a job. */
  pass(seconds: number): Promise<void>;
  /** Sends SIGKILL to all functions at once. The next request to a function starts it again. */
  killFunctions(): Promise<void>;
  /** Replaces WEBHOOK_SECRET, ALERT_SECRET and ENDPOINT_SECRETS_KEY, and starts the functions anew. */
  rotateSecrets(): Promise<void>;
  /** Repairs everything (network, model, cron, receiver, clock), then lets time pass until no work waits and no alert is open. */
  settle(): Promise<void>;
}

/** Shorter limits than in production, so that a drill takes seconds; each variable is documented in operations.md. */
const QUICK = {
  WEBHOOK_TIMEOUT_MS: '4000',
  WEBHOOK_MAX_RETRIES: '2',
  JOB_LEASE_SECONDS: '30',
  JOB_DEADLINE_SECONDS: '15',
  JOB_MAX_TAKE_OVERS: '1',
  JOB_QUOTA_PER_USER: '1000',
};
export const JOB_LEASE_SECONDS = Number(QUICK.JOB_LEASE_SECONDS);

/** Default behaviour of the subscriber's endpoint. */
export const ACCEPTS = { kind: 'answer', status: 200 } as const;

const CONCURRENCY = 4;
const PATIENCE_MS = 60_000;
const POLL_MS = 50;
const QUIET = '150 ms';
/** The longest time that any rule looks back, rounded up; pings aside. */
const LONG_AGO_SECONDS = 20 * 60;
const MOST_MINUTES = 90;
/** The interval that operations.md recommends for the service behind HEARTBEAT_URL. */
const MISSED_AFTER_SECONDS = 5 * 60;

const newSecret = () => `whsec_${randomBytes(32).toString('base64')}`;
const newEndpointSecretsKey = () => `drill:${randomBytes(32).toString('base64')}`;

export async function startBed(onStep: (step: string) => void, signal: AbortSignal): Promise<Bed> {
  await using stack = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'polaris-drill-'));
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  // PostgreSQL may run as another user, who must be able to reach its data.
  await chmod(directory, 0o711);
  let alertSecret = newSecret();
  const endpointSecretsKey = newEndpointSecretsKey();
  const clock = stack.use(await createTimeLapse(directory));
  const receiver = stack.use(
    await startAlertReceiver(
      () => alertSecret,
      () => clock.now(),
    ),
  );
  const road = stack.use(await startGate());
  const database = stack.use(await startGate());
  const model = stack.use(await startModel());
  const subscriber = stack.use(await startGate());
  const env = {
    ...QUICK,
    SUPABASE_URL: database.url,
    WEBHOOK_BASE_URL: `${road.url}/api/webhooks`,
    LLM_BASE_URL: model.url,
    LLM_MODELS: 'drill',
    ALERT_URLS: `${receiver.url} ${receiver.secondUrl}`,
    HEARTBEAT_URL: receiver.heartbeatUrl,
  };
  const apiPort = await freePort();
  database.passTo(`http://127.0.0.1:${apiPort}`);
  const silent = { onLine: () => undefined };
  const system = stack.use(
    await startLocalSystem({
      directory,
      ports: { supabaseApi: apiPort, database: await freePort(), functions: 0 },
      env: { ...env, ALERT_SECRET: alertSecret, ENDPOINT_SECRETS_KEY: endpointSecretsKey },
      hostEnv: clock.hostEnv,
      ...silent,
      onStep: (name) => {
        onStep(`starting: ${name}`);
      },
      signal,
    }),
  );
  const { accounts, dev, secrets } = system;
  if (accounts === undefined) throw new Error('the drill breaks only a database of its own');
  await clock.attach(dev.databaseUrl);
  road.passTo(dev.url);
  const connect = (url: string) => {
    const client = postgres(url, { max: 4, onnotice: () => undefined });
    stack.defer(() => client.end({ timeout: 5 }));
    return client;
  };
  const sql = connect(dev.databaseUrl);
  // Only a superuser sees the activity of other roles' connections.
  const admin = connect(asRole(dev.databaseUrl, 'supabase_admin'));
  let functions = system.functions;
  stack.defer(() => functions.stop(2_000));
  let lastJob = '';

  async function until(
    what: string,
    query: (of: postgres.Sql) => Promise<readonly unknown[]>,
  ): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    while ((await query(sql)).length === 0) {
      signal.throwIfAborted();
      if (performance.now() > deadline) throw new Error(`no result within a minute: ${what}`);
      await sleep(POLL_MS);
    }
  }

  const pipeline = { authorization: `Bearer ${secrets.pipelineApiKey}` };

  async function request(count: number, stage: Stage): Promise<string[]> {
    const waiting = await addReports(sql, accountId, count, { organization: 'Drill' });
    const jobs: string[] = [];
    const work = async () => {
      for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
        const response = await fetch(`${dev.url}/api/reportJobsDb`, {
          method: 'POST',
          headers: { ...pipeline, 'content-type': 'application/json', 'idempotency-key': id },
          body: JSON.stringify({ prompt: 'A report.', report_type: 'org', report_id: id, stage }),
          signal,
        });
        if (response.status !== 202) {
          throw new Error(`a job was answered ${response.status}: ${await response.text()}`);
        }
        jobs.push(jobAccepted.parse(await response.json()).job_id);
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, work));
    lastJob = jobs.at(-1) ?? lastJob;
    return jobs;
  }
  const accountId = accounts.user.id;

  async function pass(seconds: number): Promise<void> {
    signal.throwIfAborted();
    await quiet();
    await clock.pass(seconds);
    if (bed.cronSecret !== null) {
      // A cron ignores failures and calls again a minute later.
      await callSweep(dev.url, bed.cronSecret).catch(() => undefined);
    }
    listen();
    const looked = await fetch(`${dev.url}/api/reportJobsDb?job_id=${lastJob}`, {
      headers: pipeline,
      signal,
    });
    await looked.text();
    listen();
  }

  const heard: Heard[] = [];
  let taken = 0;
  let beats = 0;
  let lastBeat = clock.passedSeconds();
  let isMissed = false;

  function listen(): void {
    for (const { type, data } of receiver.events.slice(taken)) {
      heard.push({ rule: data.rule, subject: data.subject, type, alert: data });
    }
    taken = receiver.events.length;
    if (receiver.heartbeats() > beats) lastBeat = clock.passedSeconds();
    beats = receiver.heartbeats();
    const missed = clock.passedSeconds() - lastBeat >= MISSED_AFTER_SECONDS;
    if (missed !== isMissed) {
      heard.push({ rule: OUTSIDE_WATCH, subject: '', type: missed ? 'alert.firing' : 'alert.resolved' });
    }
    isMissed = missed;
  }

  /**
   * Waits until no function works any more, since work may continue after the answer. If a function checked for sweeps
   * between a jump of the clock and the next sweep, it would correctly report that the sweep is missing.
   */
  const quiet = () =>
    until(
      'the functions to become idle',
      () => admin`
        select where not exists (
          select from pg_stat_activity
          where usename = 'authenticator'
            and (state <> 'idle' or state_change > local_clock.machine_clock_timestamp() - ${QUIET}::interval))
        and not exists (
          select from public.alert_deliveries where lease_expires_at > now() and next_attempt is not null)`,
    );

  const bed: Bed = {
    editor: connect(dev.databaseUrl),
    admin,
    road,
    database,
    model,
    subscriber,
    endpointSecretsKey,
    receiver,
    heard,
    clock,
    cronSecret: secrets.cronSecret,
    request,
    async run(count, stage) {
      const jobs = await request(count, stage);
      await until(
        'the end of the jobs and of their first rounds',
        (of) => of`
          select where not exists (
            select from private.job_runs where job_id = any (${jobs}) and status in ('queued', 'running'))
          and not exists (
            select from public.webhook_deliveries where lease_expires_at > now() and status in ('pending', 'retrying'))`,
      );
      return jobs;
    },
    until,
    pass,
    async killFunctions() {
      const { pids } = functions.state();
      for (const pid of pids) sendSignal(pid, 'SIGKILL');
      await waitForExit(pids, PATIENCE_MS);
    },
    async rotateSecrets() {
      alertSecret = newSecret();
      secrets.webhookSecret = newSecret();
      bed.endpointSecretsKey = newEndpointSecretsKey();
      await functions.stop(2_000);
      functions = await startFunctionsService(
        {
          port: Number(new URL(dev.url).port),
          env: {
            ...functionEnv({ url: database.url, ...secrets }, secrets),
            ...env,
            ALERT_SECRET: alertSecret,
            ENDPOINT_SECRETS_KEY: bed.endpointSecretsKey,
          },
        },
        { ...silent, env: clock.hostEnv },
      );
    },
    async settle() {
      await road.behave({ kind: 'pass' }, '/');
      await database.behave({ kind: 'pass' }, '/');
      model.behave(SHORT_TEXT);
      await subscriber.behave(ACCEPTS, '/');
      receiver.fail(null);
      bed.cronSecret = secrets.cronSecret;
      await clock.setFunctionsOff(0);
      await pass(LONG_AGO_SECONDS);
      for (let minute = 0; minute < MOST_MINUTES; minute += 1) {
        await pass(60);
        const open = await sql`
          select from public.alerts where state <> 'resolved'
          union all select from public.webhook_deliveries
            where status not in ('success', 'superseded', 'cancelled') and dead_at is null
          union all select from private.job_runs where status in ('queued', 'running')`;
        if (open.length === 0) return;
      }
      const open = await sql`select rule, subject, facts from public.alerts where state <> 'resolved'`;
      throw new Error(`the system did not settle: ${JSON.stringify(open)}`);
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
  const started = stack.move();
  return bed;
}
