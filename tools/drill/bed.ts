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

/** What a watch outside says, which is no rule of ours. */
export const OUTSIDE_WATCH = 'outside_watch';

export interface Heard {
  /** Of an alert; or OUTSIDE_WATCH. */
  rule: string;
  subject: string;
  type: AlertEvent['type'];
  /** What the alert says. The watch says nothing. */
  alert?: AlertEvent['data'];
}

/** The local system with a clock, a road, a model, a cron and a receiver of alerts that a drill may break. */
export interface Bed extends AsyncDisposable {
  /** Somebody in the SQL editor. */
  editor: postgres.Sql;
  /** A superuser: for what triggers keep everybody else from. */
  admin: postgres.Sql;
  /** Between our functions and their calls of each other: webhooks, pings and take-overs. */
  road: Gate;
  /** Between our functions and the REST layer of the database. */
  database: Gate;
  model: Model;
  /** Somebody else's endpoint, which answers 200. */
  subscriber: Gate;
  /** ENDPOINT_SECRETS_KEY of the functions. */
  endpointSecretsKey: string;
  receiver: AlertReceiver;
  /** What people were told so far: by alerts, and by a watch outside that misses the call of a good sweep for five minutes. */
  heard: readonly Heard[];
  clock: TimeLapse;
  /** What the cron does: null, it is off. */
  cronSecret: string | null;
  /** Requests jobs, each for a report of its own, as the pipeline does. Answers their ids. */
  request(count: number, stage: Stage): Promise<string[]>;
  /** The same, and waits until each has its result and nothing is being sent. */
  run(count: number, stage: Stage): Promise<string[]>;
  /** Waits until the database says so. */
  until(what: string, query: (sql: postgres.Sql) => Promise<readonly unknown[]>): Promise<void>;
  /** So much time passes, in one leap; then the cron comes, and somebody looks at a job. */
  pass(seconds: number): Promise<void>;
  /** SIGKILL to all functions at once. The next request of each starts it again. */
  killFunctions(): Promise<void>;
  /** WEBHOOK_SECRET, ALERT_SECRET and ENDPOINT_SECRETS_KEY are replaced, and the functions deployed again. */
  rotateSecrets(): Promise<void>;
  /** Everything is fixed: road, model, cron, receiver, clock; then time passes until nothing waits and no alert is open. */
  settle(): Promise<void>;
}

/** So that a drill waits seconds for what takes minutes in production; each is documented in operations.md. */
const QUICK = {
  WEBHOOK_TIMEOUT_MS: '4000',
  WEBHOOK_MAX_RETRIES: '2',
  JOB_LEASE_SECONDS: '30',
  JOB_DEADLINE_SECONDS: '15',
  JOB_MAX_TAKE_OVERS: '1',
  JOB_QUOTA_PER_USER: '1000',
};
export const JOB_LEASE_SECONDS = Number(QUICK.JOB_LEASE_SECONDS);

/** What somebody else's endpoint does while nothing is broken. */
export const ACCEPTS = { kind: 'answer', status: 200 } as const;

const CONCURRENCY = 4;
const PATIENCE_MS = 60_000;
const POLL_MS = 50;
const QUIET = '150 ms';
/** As long as any rule looks back, rounded up; pings apart. */
const LONG_AGO_SECONDS = 20 * 60;
const MOST_MINUTES = 90;
/** As operations.md asks for of the service behind HEARTBEAT_URL. */
const MISSED_AFTER_SECONDS = 5 * 60;

const newSecret = () => `whsec_${randomBytes(32).toString('base64')}`;
const newEndpointSecretsKey = () => `drill:${randomBytes(32).toString('base64')}`;

export async function startBed(onStep: (step: string) => void, signal: AbortSignal): Promise<Bed> {
  await using stack = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'polaris-drill-'));
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  // The server may run as another user, who has to get to its data.
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
  // Only a superuser sees what other roles' connections do.
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
      if (performance.now() > deadline) throw new Error(`it never came: ${what}`);
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
      // A cron ignores the answer, and calls again the next minute.
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
   * Nothing goes on in any function, whose work may outlive its answer: what one of them asked after a leap, and before the
   * sweep, would rightly find that no sweep had come.
   */
  const quiet = () =>
    until(
      'the end of what the functions do',
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
      throw new Error(`it does not come to rest: ${JSON.stringify(open)}`);
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
  const started = stack.move();
  return bed;
}
