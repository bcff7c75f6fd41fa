import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCrashBed } from '../support/crash-bed.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { startLanguageModel, type SlowModel } from '../support/slow-model.ts';
import { startTestSystem, type TestSystem } from '../support/system.ts';

let system: TestSystem;
let model: SlowModel;
let receiver: Receiver;
let bed: Awaited<ReturnType<typeof createCrashBed>>;
const plan = (step: string) => bed.plan(step);
const stepsTaken = () => bed.stepsTaken();
const wasKilled = () => bed.wasKilled();

async function startBed(directStore: boolean): Promise<void> {
  diedBesides.clear();
  bed = await createCrashBed();
  await plan('');
  // Long enough for one report of progress, which comes after a quarter of a second.
  model = await startLanguageModel(80);
  receiver = await startReceiver(
    () => system.functions.url,
    async (eventId) => {
      const known = await system.sql`select from public.report_events where id = ${eventId}`;
      if (known.length === 0) sentBeforeCommit.push(eventId);
    },
  );
  system = await startTestSystem({
    functions: [
      'api/reportJobsDb.ts',
      'api/webhooks/final-report.ts',
      'api/cron/sweep.ts',
      'api/cron/take-over.ts',
    ],
    preload: bed.preload,
    ...(directStore && { directStore: (url: string) => url }),
    env: {
      ...bed.env,
      WEBHOOK_BASE_URL: receiver.baseUrl,
      WEBHOOK_TIMEOUT_MS: '5000',
      WEBHOOK_MAX_RETRIES: '1',
      LLM_BASE_URL: model.url,
      LLM_MODELS: 'slow',
    },
  });
}

async function stopBed(): Promise<void> {
  await system.stop();
  await receiver[Symbol.asyncDispose]();
  await model[Symbol.asyncDispose]();
  await bed[Symbol.asyncDispose]();
}

const refusals: string[] = [];
/** Events that were on the network before the database knew them: what a process that dies then would lose. */
const sentBeforeCommit: string[] = [];

interface Caller {
  reportId: string;
  key: string;
  jobId?: string;
}

/** A request that a dying process may receive: its caller gets no answer, and retries. */
async function attempt(
  path: string,
  token: string,
  { headers, ...init }: Omit<RequestInit, 'headers'> & { headers?: Record<string, string> } = {},
): Promise<Record<string, unknown>> {
  const response = await fetch(system.url(path), {
    ...init,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
  }).catch(() => undefined);
  if (!response?.ok) {
    refusals.push(
      `${path}: ${response === undefined ? 'no answer' : `${response.status} ${await response.text()}`}`,
    );
    return {};
  }
  return (await response.json().catch(() => ({}))) as Record<string, unknown>;
}

/** Retries until it is accepted: the called process may just have died in the previous life. */
async function requestJob(caller: Caller, change: object = {}): Promise<void> {
  const body = { prompt: 'p', report_type: 'org', report_id: caller.reportId, stage: 'final', ...change };
  for (let tries = 0; tries < 50; tries += 1) {
    const answer = await attempt('/api/reportJobsDb', system.secrets.pipelineApiKey, {
      method: 'POST',
      headers: { 'idempotency-key': caller.key },
      body: JSON.stringify(body),
    });
    if (typeof answer['job_id'] === 'string') caller.jobId = answer['job_id'];
    if (caller.jobId !== undefined || (await wasKilled())) return;
    await sleep(50);
  }
}

const submit = (caller: Caller) =>
  attempt(`/api/reportJobsDb?job_id=${caller.jobId ?? ''}`, system.secrets.pipelineApiKey, {
    method: 'PATCH',
    body: JSON.stringify({ status: 'succeeded', result: 'made elsewhere' }),
  });

const sweep = () => attempt('/api/cron/sweep', system.secrets.cronSecret);

const makeAllDue = () => system.sql`
  update public.webhook_deliveries set next_attempt = now()
  where status <> 'success' and report_id in (select id from public.org_reports)`;

async function isSettled({ reportId }: Caller): Promise<boolean> {
  const rows = await system.sql`
    select delivery.status from private.job_runs job
    left join public.webhook_deliveries delivery on delivery.event_id = job.event_id
    where job.report_id = ${reportId}`;
  return rows.length > 0 && rows.every((row) => row['status'] === 'success');
}

/** Somebody was killed, it is settled, or it failed and waits for its slot. */
async function isOver(caller: Caller): Promise<boolean> {
  if ((await wasKilled()) || (await isSettled(caller))) return true;
  const [waiting] = await system.sql`
    select from public.webhook_deliveries
    where report_id = ${caller.reportId} and status in ('failed', 'sent') and lease_expires_at is null`;
  return waiting !== undefined;
}

const QUIET_MS = 500;

/** Waits until somebody is killed, or nobody works on it any more: a settled delivery may still be recorded by its sender. */
async function untilQuiet(caller: Caller): Promise<void> {
  let seen = -1;
  let since = Date.now();
  while (!(await wasKilled())) {
    const { length } = await stepsTaken();
    if (length !== seen) since = Date.now();
    seen = length;
    if (Date.now() - since > QUIET_MS && (await isOver(caller))) return;
    if (Date.now() - since > 10_000) return;
    await sleep(20);
  }
}

/** One of many workers that do the same at the same time is as good as another. */
const LIKE_STEPS = 2;

/** What a sweep does besides deliveries and jobs is the same in every life: one of them dies at it. */
const BESIDES =
  /\/(record_sweep|evaluate_alerts|claim_alert_delivery|claim_ping|record_ping_results|verify_slice|work_plan|erase_due|roll_up_webhooks|import_reports|prune_expired) #/;
const diedBesides = new Set<string>();

/** The lives of a job: every road that a result may take. */
const lives: Record<string, (caller: Caller) => Promise<void>> = {
  'generated here, its webhook arrives': async (caller) => {
    await requestJob(caller);
    await untilQuiet(caller);
  },
  'generated here, its webhook fails, a sweep closes the gap': async (caller) => {
    receiver.behave({ kind: 'answer', status: 500 });
    await requestJob(caller);
    await untilQuiet(caller);
    receiver.behave({ kind: 'pass' });
    await makeAllDue();
    await sweep();
  },
  'submitted by the pipeline': async (caller) => {
    await requestJob(caller, { generate: false });
    await submit(caller);
    await untilQuiet(caller);
  },
  'left behind by its runner, taken over by a sweep': async (caller) => {
    await system.sql`
      select public.request_report_job(
        p_job_id => ${`job_${randomUUID()}`}, p_caller => 'pipeline', p_report_type => 'org',
        p_report_id => ${caller.reportId}, p_stage => 'final', p_prompt => 'p', p_generate => true,
        p_lease_seconds => 0, p_quota => 5, p_idempotency_key => ${caller.key})`;
    // Retries: the process called for the take-over may just have died in the previous life.
    for (let sweeps = 0; sweeps < 10; sweeps += 1) {
      await sweep();
      await untilQuiet(caller);
      if ((await wasKilled()) || (await isSettled(caller))) return;
    }
  },
};

/** What happens in any case: callers retry, leases expire, crons sweep. */
async function recover(caller: Caller, isSubmitted: boolean): Promise<void> {
  receiver.behave({ kind: 'pass' });
  for (let turn = 0; turn < 40; turn += 1) {
    if (isSubmitted || caller.jobId === undefined) {
      await requestJob(caller, isSubmitted ? { generate: false } : {});
      if (isSubmitted) await submit(caller);
    }
    for (let wait = 0; wait < 100 && !(await isOver(caller)); wait += 1) await sleep(20);
    await system.sql`update private.job_runs set lease_expires_at = now() - interval '1 second'
      where report_id = ${caller.reportId} and status in ('queued', 'running') and generate`;
    await system.sql`update public.webhook_deliveries set lease_expires_at = now() - interval '1 second'
      where report_id = ${caller.reportId} and lease_expires_at is not null`;
    await makeAllDue();
    if (await isSettled(caller)) return;
    await plan('');
    await sweep();
  }
}

async function outcome({ reportId }: Caller) {
  const [row] = await system.sql`
    select
      (select count(*)::int from private.job_runs where report_id = report.id) as jobs,
      (select string_agg(status, ' ') from private.job_runs where report_id = report.id) as job,
      (select count(*)::int from public.report_events where report_id = report.id) as events,
      (select string_agg(effect, ' ') from public.report_events where report_id = report.id) as effect,
      (select string_agg(status, ' ') from public.webhook_deliveries where report_id = report.id) as delivery,
      (select count(*)::int <= 1 from public.webhook_audit
        where report_id = report.id and direction = 'in' and outcome = 'applied') as applied_once_at_most,
      (select count(*)::int from public.report_notifications where report_id = report.id) as notifications,
      report.research_report = (
        select content.research_report from private.report_contents content
        join public.report_events event on event.id = content.event_id where event.report_id = report.id) as shown,
      report.research_status, report.webhook_status
    from public.org_reports report where id = ${reportId}`;
  return row;
}

const RIGHT = {
  jobs: 1,
  job: 'succeeded',
  events: 1,
  effect: 'applied',
  delivery: 'success',
  applied_once_at_most: true,
  notifications: 1,
  shown: true,
  research_status: 'completed',
  webhook_status: 'success',
};

async function newCaller(): Promise<Caller> {
  // So many deaths would open the circuit, which has its own tests.
  await system.sql`update public.webhook_circuits set opened_at = null, probe_after = null, probe_delivery_id = null, probe_token = null,
      probe_lease_expires_at = null, closed_at = clock_timestamp()`;
  const { reportId } = await system.createReport();
  return { reportId, key: randomUUID() };
}

/** By the pool, those that between them take every road of a result: all of them would double the minutes. */
const LIVES_BY_POOL = [
  'generated here, its webhook fails, a sweep closes the gap',
  'submitted by the pipeline',
];

describe.each([
  ['REST', false, Object.entries(lives)],
  ['a pool', true, Object.entries(lives).filter(([name]) => LIVES_BY_POOL.includes(name))],
] as const)('with calls of the database by %s', (_store, isDirect, named) => {
  beforeAll(() => startBed(isDirect));
  afterAll(stopBed);

  describe.each(named)('a job that is %s', (name, live) => {
    const isSubmitted = name.startsWith('submitted');

    it('ends in the correct state, whichever step a process is killed at', async () => {
      sentBeforeCommit.length = 0;
      const undisturbed = await newCaller();
      await plan('');
      await live(undisturbed);
      const steps = await bed.deaths(
        (step) => Number(step.split('#')[1]) <= LIKE_STEPS && !diedBesides.has(step),
      );
      expect(await outcome(undisturbed), refusals.join('\n')).toEqual(RIGHT);
      // One call at least to commit, one to send, one to apply.
      expect(steps.length).toBeGreaterThanOrEqual(6);
      expect(steps.some((step) => step.includes(isDirect ? ' /pool/' : ' /rest/v1/rpc/'))).toBe(true);
      expect(steps.some((step) => step.includes(isDirect ? ' /rest/v1/rpc/' : ' /pool/'))).toBe(false);

      for (const step of steps) {
        let caller: Caller;
        let lived = 0;
        do {
          caller = await newCaller();
          await plan(step);
          await live(caller);
          lived += 1;
          // On a busy machine a call may run into its time-out, and the life takes another road.
        } while (!(await wasKilled()) && lived < 3);
        expect(
          await wasKilled(),
          `nobody was killed at ${step}, but these came: ${(await stepsTaken()).join('; ')}`,
        ).toBe(true);
        await recover(caller, isSubmitted);
        expect(await outcome(caller), `killed at: ${step}`).toEqual(RIGHT);
        if (BESIDES.test(step)) diedBesides.add(step);
      }
      expect(sentBeforeCommit).toEqual([]);
      console.log(`a job that is ${name}: killed at each of its ${steps.length} steps`);
      // A sweep alone has some thirty steps, each of which costs a death and a recovery.
    }, 600_000);
  });
});
