import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createReport, createTestDatabase, type TestDatabase } from '../support/database.ts';
import { storeClient, type Outcome } from '../support/store.ts';

let database: TestDatabase;
let store: ReturnType<typeof storeClient>;
beforeAll(async () => {
  database = await createTestDatabase();
  store = storeClient(database.sql);
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});

interface Request {
  caller?: string;
  prompt?: string;
  generate?: boolean;
  key?: string | null;
  model?: string | null;
  models?: string[] | null;
  quota?: number;
  userBudget?: number | null;
  projectBudget?: number | null;
}

interface Requested extends Outcome {
  job: { job_id: string };
  run: { job_id: string; lease_token: number; model: string | null };
}

/** Requests a job without a report. */
async function request(change: Request = {}): Promise<Requested> {
  const { caller, generate, key, model, models, quota, userBudget, projectBudget, prompt } = {
    ...{ caller: 'pipeline', generate: true, key: null, model: null, models: null, quota: 5, prompt: 'p' },
    ...{ userBudget: null, projectBudget: null },
    ...change,
  };
  const [row] = await database.sql<{ answer: Requested }[]>`
    select public.request_report_job(
      p_job_id => ${`job_${randomUUID()}`}, p_caller => ${caller}, p_prompt => ${prompt}, p_generate => ${generate},
      p_lease_seconds => 60, p_quota => ${quota}, p_idempotency_key => ${key}, p_model => ${model},
      p_models => ${models}, p_user_budget => ${userBudget}, p_project_budget => ${projectBudget}) as answer`;
  if (row === undefined) throw new Error('no answer');
  return row.answer;
}

async function createUser(): Promise<string> {
  const id = randomUUID();
  await database.sql`insert into auth.users (id, email) values (${id}, ${`${id}@example.com`})`;
  return id;
}

async function read(jobId: string, caller = 'pipeline'): Promise<unknown> {
  const [row] = await database.sql`select public.get_report_job(${jobId}, ${caller}) as job`;
  return row?.['job'];
}

async function loseRunner(jobId: string): Promise<void> {
  await database.sql`
    update private.job_runs set lease_expires_at = now() - interval '1 second' where job_id = ${jobId}`;
}

async function problemsOf(jobId: string): Promise<string[]> {
  const rows = await database.sql<{ problem: string }[]>`
    select problem from public.verify_reports() where job_id = ${jobId}`;
  return rows.map(({ problem }) => problem);
}

describe('a job without a report', () => {
  it('keeps its result, and makes neither an event nor a delivery', async () => {
    const user = await createUser();
    const { outcome, run } = await request({ caller: user });
    expect(outcome).toBe('created');
    expect(run).toMatchObject({
      report_type: null,
      report_id: null,
      stage: null,
      prompt: 'p',
      user_data: {},
    });
    const [shown] = await database.sql`
      select user_id, status, prompt, metadata, expires_at from public.report_jobs where job_id = ${run.job_id}`;
    expect(shown).toEqual({ user_id: user, status: 'queued', prompt: null, metadata: {}, expires_at: null });
    const [progress] = await database.sql`
      select public.report_job_progress(${run.job_id}, ${run.lease_token}, 40, 60, 7) as ours`;
    expect(progress).toEqual({ ours: true });
    expect(await read(run.job_id, user)).toMatchObject({ status: 'running', percent: 40, eta_seconds: 7 });
    expect(await store.complete(run.job_id, run.lease_token, '# Starmap')).toEqual({ outcome: 'completed' });
    expect(await read(run.job_id, user)).toEqual({
      job_id: run.job_id,
      report_type: null,
      report_id: null,
      stage: null,
      status: 'succeeded',
      percent: 100,
      eta_seconds: null,
      result: '# Starmap',
      error: null,
      webhook: { status: null, attempts: 0, last_attempt: null },
    });
    expect(await read(run.job_id, await createUser())).toBeNull();
    const [row] = await database.sql`
      select shown.status, shown.result, (select count(*)::int from public.report_events where job_id = shown.job_id) as events,
        (select count(*)::int from public.webhook_deliveries where job_id = shown.job_id) as deliveries
      from public.report_jobs shown where shown.job_id = ${run.job_id}`;
    expect(row).toEqual({ status: 'succeeded', result: null, events: 0, deliveries: 0 });
    expect(await problemsOf(run.job_id)).toEqual([]);
  });

  it('has one result: the same again is a repetition, another one a conflict', async () => {
    const { run } = await request();
    await store.complete(run.job_id, run.lease_token, 'one');
    expect(await store.complete(run.job_id, null, 'one')).toEqual({ outcome: 'repeated' });
    expect(await store.complete(run.job_id, null, 'two')).toEqual({ outcome: 'job_conflict' });
    expect(await read(run.job_id)).toMatchObject({ result: 'one' });
  });

  it('keeps how its result was made, and takes other digits for another result', async () => {
    const { run } = await request();
    const complete = async (metadata: string) => {
      const [row] = await database.sql`
        select public.complete_report_job(${run.job_id}, 'completed', 30, null, 'text', ${metadata}) ->> 'outcome' as outcome`;
      return row?.['outcome'] as string;
    };
    expect(await complete('{"cost": 1.00}')).toBe('completed');
    expect(await complete('{"cost":1.00}')).toBe('repeated');
    expect(await complete('{"cost": 1.0}')).toBe('job_conflict');
    const [kept] = await database.sql`
      select result_metadata::text as metadata from private.job_runs where job_id = ${run.job_id}`;
    expect(kept).toEqual({ metadata: '{"cost": 1.00}' });
  });

  it('fails with a clear error where its result is too large', async () => {
    const { run } = await request();
    await store.complete(run.job_id, run.lease_token, 'x'.repeat(901 * 1024));
    expect(await read(run.job_id)).toMatchObject({
      status: 'failed',
      result: null,
      error: expect.stringContaining('the limit is 900 KB') as string,
    });
    expect(await problemsOf(run.job_id)).toEqual([]);
  });

  it('is taken over when its runner is lost, whose result then comes too late', async () => {
    const { run } = await request();
    expect(await store.takeOver(run.job_id)).toEqual({ outcome: 'not_due' });
    await loseRunner(run.job_id);
    const [due] = await database.sql`
      select ${run.job_id} in (select public.due_report_jobs(1000)) as due`;
    expect(due).toEqual({ due: true });
    const claim = randomUUID();
    const taken = await store.takeOver(run.job_id, 3, claim);
    expect(taken).toMatchObject({ outcome: 'taken_over', run: { take_overs: 1, report_type: null } });
    expect(await store.takeOver(run.job_id, 3, claim)).toEqual(taken);
    expect(await store.complete(run.job_id, run.lease_token, 'late')).toEqual({ outcome: 'lease_lost' });
    expect(await store.complete(run.job_id, taken.run?.lease_token ?? 0, 'in time')).toEqual({
      outcome: 'completed',
    });
    expect(await read(run.job_id)).toMatchObject({ status: 'succeeded', result: 'in time' });
  });

  it('fails after its take-overs, and past the deadline of a result from elsewhere', async () => {
    const { run } = await request();
    await loseRunner(run.job_id);
    expect(await store.takeOver(run.job_id, 0)).toEqual({ outcome: 'given_up' });
    expect(await read(run.job_id)).toMatchObject({
      status: 'failed',
      error: 'The result could not be finished: its generation was interrupted 1 times.',
    });
    const { job } = await request({ generate: false });
    await database.sql`update private.job_runs set deadline = now() - interval '1 second' where job_id = ${job.job_id}`;
    expect(await store.takeOver(job.job_id)).toEqual({ outcome: 'given_up' });
    expect(await read(job.job_id)).toMatchObject({
      status: 'failed',
      error: 'No result was submitted before the job expired.',
    });
  });

  it('can be cancelled by who asked for it, and takes no result then', async () => {
    const user = await createUser();
    const { run } = await request({ caller: user });
    const cancel = async (caller: string) => {
      const [row] =
        await database.sql`select public.cancel_report_job(${run.job_id}, ${caller}) ->> 'status' as status`;
      return row?.['status'] as string | null;
    };
    expect(await cancel(await createUser())).toBeNull();
    expect(await cancel(user)).toBe('cancelled');
    expect(await store.complete(run.job_id, null, 'late')).toEqual({ outcome: 'job_cancelled' });
    expect(await read(run.job_id, user)).toMatchObject({ status: 'cancelled', result: null });
  });

  it('is made once for ten requests at once with one key, and is another job than one for a report', async () => {
    const user = await createUser();
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => request({ caller: user, key: 'k', quota: 1, userBudget: 1 })),
    );
    expect(new Set(answers.map(({ job }) => job.job_id)).size).toBe(1);
    expect(answers.filter(({ outcome }) => outcome === 'created')).toHaveLength(1);
    expect(await request({ caller: user, key: 'k', prompt: 'other' })).toEqual({
      outcome: 'idempotency_conflict',
    });
    const { reportId } = await createReport(database.sql, { userId: user });
    expect(await store.request(reportId, {}, 'k', user)).toEqual({ outcome: 'idempotency_conflict' });
  });

  it('counts against the quota of unfinished jobs', async () => {
    const user = await createUser();
    await request({ caller: user, quota: 1 });
    expect(await request({ caller: user, quota: 1 })).toEqual({ outcome: 'quota_exceeded' });
  });

  it('is refused to a user whose account is gone', async () => {
    expect(await request({ caller: randomUUID() })).toEqual({ outcome: 'unauthorized' });
  });

  it('is erased with its result when its retention ends', async () => {
    const { run } = await request();
    await store.complete(run.job_id, run.lease_token, 'to be forgotten');
    await store.prune();
    expect(await read(run.job_id)).toMatchObject({ result: 'to be forgotten' });
    await database.sql`
      update private.job_runs set completed_at = completed_at - interval '61 days' where job_id = ${run.job_id}`;
    await store.prune();
    expect(await read(run.job_id)).toBeNull();
    const left = await database.sql`select from public.report_jobs where job_id = ${run.job_id}`;
    expect(left).toHaveLength(0);
  });

  it('is found by verify where its result does not fit its status', async () => {
    const { run } = await request();
    await store.complete(run.job_id, run.lease_token, 'text');
    const problem = ['a job without a report whose result contradicts its status'];
    await database.sql`update private.job_runs set result = ' ' where job_id = ${run.job_id}`;
    expect(await problemsOf(run.job_id)).toEqual(problem);
    await database.sql`
      update private.job_runs set result = 'text', status = 'failed' where job_id = ${run.job_id}`;
    await database.sql`select private.show_job(${run.job_id})`;
    expect(await problemsOf(run.job_id)).toEqual(problem);
    await database.sql`delete from private.job_runs where job_id = ${run.job_id}`;
  });

  it('takes no webhook: an event that names it is refused', async () => {
    const { reportId } = await createReport(database.sql);
    const { run } = await request();
    const event = {
      type: 'report.prelim.completed',
      timestamp: new Date().toISOString(),
      data: {
        job_id: run.job_id,
        report_id: reportId,
        report_type: 'org',
        research_report: 'text',
        research_status: 'completed',
      },
    };
    expect((await store.apply(randomUUID(), event)).outcome).toBe('job_mismatch');
  });
});

describe('the result of a job for a report', () => {
  it('cannot stand in the job', async () => {
    const { reportId } = await createReport(database.sql);
    const { run } = await store.request(reportId);
    await expect(
      database.sql`update private.job_runs set result = 'text' where job_id = ${run.job_id}`,
    ).rejects.toThrow('only_a_job_without_a_report_keeps_its_result');
  });
});

describe('the model of a job', () => {
  const modelOf = async (jobId: string) => {
    const [row] = await database.sql`
      select run.model, shown.model as shown from private.job_runs run
      join public.report_jobs shown on shown.job_id = run.job_id where run.job_id = ${jobId}`;
    return row;
  };

  it.each([
    ['a listed one', 'b', ['a', 'b'], 'b'],
    ['one that is not listed', 'c', ['a', 'b'], 'a'],
    ['none', null, ['a', 'b'], 'a'],
    ['any where no model generates', 'c', [], null],
  ])('that names %s is the one that generates', async (_name, model, models, chosen) => {
    const { run } = await request({ model, models });
    expect(run.model).toBe(chosen);
    expect(await modelOf(run.job_id)).toEqual({ model: chosen, shown: chosen });
  });

  it('stays the one that was asked for where the result is generated elsewhere', async () => {
    const { job } = await request({ model: 'c', models: ['a'], generate: false });
    expect(await modelOf(job.job_id)).toEqual({ model: 'c', shown: 'c' });
  });

  it('is chosen again at a take-over, and a repeated request still answers the job', async () => {
    const { run } = await request({ model: 'b', models: ['a', 'b'], key: 'models' });
    const again = await request({ model: 'b', models: ['z'], key: 'models' });
    expect(again).toMatchObject({ outcome: 'existing', job: { job_id: run.job_id } });
    await loseRunner(run.job_id);
    const [row] = await database.sql`
      select public.take_over_report_job(
        p_job_id => ${run.job_id}, p_lease_seconds => 60, p_max_take_overs => 3, p_claim_id => ${randomUUID()},
        p_models => ${['z']}) #>> '{run,model}' as model`;
    expect(row).toEqual({ model: 'z' });
  });
});

describe('the budget of a day', () => {
  it('is each user’s own, is spent by jobs of any end, and says when it is free again', async () => {
    const [user, other] = [await createUser(), await createUser()];
    const { job } = await request({ caller: user, userBudget: 2 });
    await database.sql`select public.cancel_report_job(${job.job_id}, ${user})`;
    await database.sql`
      update private.job_runs set created_at = created_at - interval '23 hours' where job_id = ${job.job_id}`;
    await request({ caller: user, userBudget: 2 });
    const refusal = await request({ caller: user, userBudget: 2 });
    expect(refusal).toMatchObject({ outcome: 'budget_exceeded', budget: 'user' });
    expect(refusal['retry_after_seconds']).toSatisfy((seconds: number) => seconds > 3500 && seconds <= 3600);
    expect(await request({ caller: other, userBudget: 2 })).toMatchObject({ outcome: 'created' });
    expect(await request({ caller: 'pipeline', userBudget: 2 })).toMatchObject({ outcome: 'created' });
    await database.sql`
      update private.job_runs set created_at = created_at - interval '1 hour' where job_id = ${job.job_id}`;
    expect(await request({ caller: user, userBudget: 2 })).toMatchObject({ outcome: 'created' });
  });

  it('holds for ten requests of one user at once', async () => {
    const user = await createUser();
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => request({ caller: user, userBudget: 3, quota: 10 })),
    );
    expect(answers.filter(({ outcome }) => outcome === 'created')).toHaveLength(3);
  });

  it('of the project counts the jobs of all callers, the pipeline’s among them', async () => {
    const [counted] = await database.sql<{ jobs: number }[]>`
      select count(*)::int as jobs from private.job_runs where created_at > now() - interval '1 day'`;
    const projectBudget = (counted?.jobs ?? 0) + 2;
    expect(await request({ projectBudget })).toMatchObject({ outcome: 'created' });
    expect(await request({ caller: await createUser(), projectBudget })).toMatchObject({
      outcome: 'created',
    });
    for (const caller of ['pipeline', await createUser()]) {
      expect(await request({ caller, projectBudget })).toMatchObject({
        outcome: 'budget_exceeded',
        budget: 'project',
      });
    }
    const { reportId } = await createReport(database.sql);
    expect(await store.request(reportId)).toMatchObject({ outcome: 'created' });
  });

  it('of the project does not count the jobs of the platform’s functions, which nobody asked us for', async () => {
    const { userId, reportId } = await createReport(database.sql);
    await database.sql`
      insert into private.job_runs (
        job_id, report_type, report_id, stage, user_id, caller, status, lease_expires_at, completed_at)
      select 'adopted_' || number, 'org', ${reportId}, 'prelim', ${userId}, 'platform', 'cancelled', null, now()
      from generate_series(1, 3) number`;
    const [counted] = await database.sql<{ jobs: number }[]>`
      select count(*)::int as jobs from private.job_runs
      where created_at > now() - interval '1 day' and caller <> 'platform'`;
    expect(await request({ projectBudget: (counted?.jobs ?? 0) + 1 })).toMatchObject({ outcome: 'created' });
  });
});
