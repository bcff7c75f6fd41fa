import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { retryAnswer, sweepAnswer } from '../../src/contracts/retry.ts';
import { createRpc } from '../../src/server/db/rpc.ts';
import { claimedDelivery } from '../../src/server/webhooks/delivery.ts';
import { directDatabaseUpdate } from '../../src/server/webhooks/record-round.ts';
import { confirmed, jobClient } from '../support/jobs.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { storeClient } from '../support/store.ts';
import { startTestSystem, type TestSystem } from '../support/system.ts';

let system: TestSystem;
let receiver: Receiver;
let pipeline: ReturnType<typeof jobClient>;
beforeAll(async () => {
  receiver = await startReceiver(() => system.functions.url);
  system = await startTestSystem({
    functions: [
      'api/reportJobsDb.ts',
      'api/webhooks/prelim-report.ts',
      'api/webhooks/final-report.ts',
      'api/webhooks/retry.ts',
      'api/webhooks/redrive.ts',
      'api/cron/sweep.ts',
      'api/cron/take-over.ts',
    ],
    env: { WEBHOOK_BASE_URL: receiver.baseUrl, WEBHOOK_TIMEOUT_MS: '1000', WEBHOOK_MAX_RETRIES: '2' },
  });
  pipeline = jobClient(system);
});
afterAll(async () => {
  await system.stop();
  await receiver[Symbol.asyncDispose]();
});

/** So many failures open the circuits, which have their own tests. */
const closeCircuits = () =>
  system.sql`update public.webhook_circuits set opened_at = null, probe_after = null, closed_at = now()`;
beforeEach(closeCircuits);

async function call(
  method: 'GET' | 'POST',
  body?: object,
  token = system.secrets.cronSecret,
  path = '/api/webhooks/retry',
) {
  const response = await fetch(system.url(path), {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  });
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
}

/** A report whose webhook could not be delivered: its result came by the direct update. */
async function failedDelivery(behaviour: Parameters<Receiver['behave']>[0], change: object = {}) {
  await closeCircuits();
  const { reportId } = await system.createReport();
  receiver.behave(behaviour);
  const jobId = await pipeline.request(reportId, { ...change });
  const job = await pipeline.until(
    jobId,
    ({ webhook }) => webhook.status !== null && webhook.status !== 'pending',
  );
  receiver.behave({ kind: 'pass' });
  return { reportId, jobId, job };
}

async function delivery(reportId: string) {
  const [row] = await system.sql`
    select status, attempts, rounds, dead_reason, dead_at is not null as dead, next_attempt > now() as waits, response,
      extract(epoch from next_attempt - now())::int as seconds
    from public.webhook_deliveries where report_id = ${reportId} order by id desc limit 1`;
  return row;
}

/** Problem details that are not ours, in ASCII. */
function foreignProblem(code: string): string {
  return JSON.stringify({ type: 'about:blank', title: 't', status: 500, code });
}

const makeDue = (reportId: string) =>
  system.sql`update public.webhook_deliveries set next_attempt = now() where report_id = ${reportId}`;

describe('when the webhook fails', () => {
  it.each([
    ['500', { kind: 'answer', status: 500, body: 'oops' }, 'failed', 3],
    ['a reset connection', { kind: 'reset' }, 'sent', 3],
    ['a time-out', { kind: 'hang' }, 'sent', 1],
    ['a redirect', { kind: 'answer', status: 307, headers: { location: '/elsewhere' } }, 'failed', 3],
    ['200 of a stranger', { kind: 'answer', status: 200, body: '<html>' }, 'failed', 3],
    ['401 of a gateway', { kind: 'answer', status: 401, body: '{}' }, 'failed', 3],
    ['404 of a gateway', { kind: 'answer', status: 404, body: 'no' }, 'failed', 3],
    ['429 with Retry-After', { kind: 'answer', status: 429, headers: { 'retry-after': '7' } }, 'failed', 1],
  ] as const)(
    'by %s, the result is in its report directly, and the schedule follows',
    async (_name, behaviour, status, posts) => {
      const { reportId, job } = await failedDelivery(behaviour);
      expect(await delivery(reportId)).toMatchObject({
        status,
        attempts: posts,
        rounds: 1,
        dead: false,
        waits: true,
      });
      const [report] = await system.sql`
      select report.research_report, report.research_status, report.webhook_status, report.webhook_attempts,
        report.webhook_job_id, event.channel, event.effect
      from public.org_reports report join public.report_events event on event.id = report.winner_event_id
      where report.id = ${reportId}`;
      expect(report).toEqual({
        research_report: job.result,
        research_status: 'completed',
        webhook_status: status,
        webhook_attempts: posts,
        webhook_job_id: job.job_id,
        channel: 'direct',
        effect: 'applied',
      });
      const audit = await system.sql`
      select attempt_number from public.webhook_audit where report_id = ${reportId} and direction = 'out'
      order by attempt_number`;
      expect(audit.map((row) => row['attempt_number'] as number)).toEqual(
        Array.from({ length: posts }, (_, index) => index + 1),
      );
    },
  );

  it.each([
    [
      'a Retry-After of the year 9999',
      { status: 503, headers: { 'retry-after': 'Fri, 31 Dec 9999 23:59:59 GMT' } },
      'answered 503',
    ],
    ['a code with U+0000', { status: 500, body: foreignProblem('a\u0000b') }, 'answered 500 ab'],
    [
      'a code with half a surrogate pair',
      { status: 500, body: foreignProblem('a\ud800b') },
      'answered 500 ab',
    ],
    [
      'a code of 12 KB',
      { status: 500, body: foreignProblem('x'.repeat(12_000)) },
      `answered 500 ${'x'.repeat(100)}`,
    ],
  ])('by an answer with %s, its attempts are recorded all the same', async (_name, answer, error) => {
    const { reportId, job } = await failedDelivery({ kind: 'answer', ...answer });
    expect(await delivery(reportId)).toMatchObject({ status: 'failed', rounds: 1, waits: true });
    const [report] = await system.sql`select research_report from public.org_reports where id = ${reportId}`;
    expect(report).toEqual({ research_report: job.result });
    const audit = await system.sql`
      select distinct error_message from public.webhook_audit where report_id = ${reportId} and direction = 'out'`;
    expect([...audit]).toEqual([{ error_message: error }]);
  });

  it('with words that the database refuses, the round is recorded without them', async () => {
    const { reportId } = await system.createReport();
    const store = storeClient(system.sql);
    const { run } = await store.request(reportId);
    const { delivery: held } = await store.complete(run.job_id, run.lease_token);
    const { url, secretKey } = system.supabase;
    const attempt = { status: 500, duration_ms: 1, error: 'a\u0000b', authentic: false, response: null };
    const recorded = await directDatabaseUpdate(
      createRpc({ url, secretKey, fetch }),
      claimedDelivery.parse(held),
      { result: 'failed', attempts: [attempt], retryAfterSeconds: null, outcome: null },
    );
    expect(recorded).toEqual({ status: 'failed', dead: false, effect: 'applied' });
    expect(await delivery(reportId)).toMatchObject({
      attempts: 1,
      response: { status: 500, error: 'what was answered cannot be stored' },
    });
  });

  it('with our own word that it is hopeless, it ends at once as a dead letter', async () => {
    const { reportId } = await failedDelivery({
      kind: 'answer',
      status: 409,
      headers: { 'content-type': 'application/problem+json' },
      body: JSON.stringify({ type: 'about:blank', title: 't', status: 409, code: 'event_conflict' }),
    });
    expect(await delivery(reportId)).toMatchObject({
      status: 'failed',
      attempts: 1,
      dead: true,
      dead_reason: 'refused',
    });
  });

  it('honours Retry-After up to an hour', async () => {
    const after = (value: string) =>
      failedDelivery({ kind: 'answer', status: 503, headers: { 'retry-after': value } });
    const short = await after('300');
    expect((await delivery(short.reportId))?.['seconds']).toBeGreaterThan(290);
    const long = await after('86400');
    const seconds = Number((await delivery(long.reportId))?.['seconds']);
    expect(seconds).toBeGreaterThan(3500);
    expect(seconds).toBeLessThanOrEqual(3600);
  });

  it('counts a delivery whose answer was lost as one attempt, and as a success', async () => {
    const { reportId } = await system.createReport();
    receiver.behave({ kind: 'lose-answer' });
    const jobId = await pipeline.request(reportId);
    await pipeline.until(jobId, confirmed);
    const audit = () => system.sql`
      select from public.webhook_audit where report_id = ${reportId} and direction = 'out'`;
    await expect.poll(async () => (await audit()).length).toBeGreaterThan(0);
    receiver.behave({ kind: 'pass' });
    const posts = (await audit()).length;
    expect(await delivery(reportId)).toMatchObject({ status: 'success', attempts: posts });
    const effects = await system.sql`
      select outcome from public.webhook_audit where report_id = ${reportId} and direction = 'in'`;
    expect(effects.filter((row) => row['outcome'] === 'applied')).toHaveLength(1);
  });
});

describe('POST', () => {
  it('sends the latest delivery now, then says that it has succeeded', async () => {
    const { reportId } = await failedDelivery({ kind: 'reset' });
    const body = { report_type: 'org', report_id: reportId };
    const first = await call('POST', body);
    expect(first).toEqual({ status: 200, json: { success: true, outcome: 'duplicate' } });
    expect(retryAnswer.parse(first.json).success).toBe(true);
    expect(await delivery(reportId)).toMatchObject({ status: 'success' });
    const before = receiver.requests.length;
    expect(await call('POST', body)).toMatchObject({ status: 200, json: { outcome: 'already_succeeded' } });
    expect(receiver.requests.length).toBe(before);
    const audit = await system.sql`
      select actor, outcome from public.webhook_audit
      where request_payload ->> 'endpoint' = 'retry' and report_id = ${reportId} order by created_at`;
    expect([...audit]).toEqual([
      { actor: 'cron', outcome: 'duplicate' },
      { actor: 'cron', outcome: 'already_succeeded' },
    ]);
  });

  it('sends the delivery of the event that is named, though a newer one has succeeded', async () => {
    const older = await failedDelivery({ kind: 'reset' });
    const { reportId } = older;
    const newer = await pipeline.request(reportId);
    await pipeline.until(newer, confirmed);
    const [row] = await system.sql`select event_id from public.report_jobs where job_id = ${older.jobId}`;
    const event_id = String(row?.['event_id']);
    const body = { report_type: 'org', report_id: reportId };
    const before = receiver.requests.length;
    expect(await call('POST', body)).toMatchObject({ json: { outcome: 'already_succeeded' } });
    expect(await call('POST', { ...body, event_id })).toMatchObject({ json: { outcome: 'duplicate' } });
    const sent = receiver.requests.slice(before).map(({ headers }) => headers['webhook-id']);
    expect(sent).toEqual([event_id]);
    expect(await call('POST', { ...body, event_id })).toMatchObject({
      json: { outcome: 'already_succeeded' },
    });
    const elsewhere = await system.createReport();
    expect(await call('POST', { ...body, report_id: elsewhere.reportId, event_id })).toMatchObject({
      status: 404,
      json: { code: 'delivery_not_found' },
    });
  });

  it('sends a failed final to the final endpoint', async () => {
    const { reportId } = await failedDelivery({ kind: 'reset' }, { stage: 'final' });
    await call('POST', { report_type: 'org', report_id: reportId, webhook_type: 'final-report' });
    expect(receiver.requests.at(-1)?.path).toBe('/api/webhooks/final-report');
    expect(await delivery(reportId)).toMatchObject({ status: 'success' });
  });

  it('answers 502 when it failed again, keeps count, and leaves the schedule as it was', async () => {
    const { reportId } = await failedDelivery({ kind: 'reset' });
    const planned = await delivery(reportId);
    receiver.behave({ kind: 'answer', status: 500 });
    const answer = await call('POST', { report_type: 'org', report_id: reportId });
    receiver.behave({ kind: 'pass' });
    expect(answer).toMatchObject({ status: 502, json: { success: false, code: 'delivery_failed' } });
    expect(await delivery(reportId)).toMatchObject({ status: 'failed', attempts: 4, rounds: 1 });
    const seconds = Number((await delivery(reportId))?.['seconds']);
    expect(seconds).toBeLessThanOrEqual(Number(planned?.['seconds']));
  });

  it('revives a dead letter', async () => {
    const { reportId } = await failedDelivery({ kind: 'reset' });
    await system.sql`
      update public.webhook_deliveries set status = 'failed', dead_at = now(), dead_reason = 'attempts_exhausted',
        next_attempt = null where report_id = ${reportId}`;
    expect(await call('POST', { report_type: 'org', report_id: reportId })).toMatchObject({ status: 200 });
    expect(await delivery(reportId)).toMatchObject({ status: 'success', dead: false });
  });

  it('answers 409 while another holds the lease', async () => {
    const { reportId } = await failedDelivery({ kind: 'reset' });
    await system.sql`
      update public.webhook_deliveries set lease_expires_at = now() + interval '1 minute', status = 'retrying'
      where report_id = ${reportId}`;
    expect(await call('POST', { report_type: 'org', report_id: reportId })).toMatchObject({
      status: 409,
      json: { code: 'delivery_busy' },
    });
  });

  it('answers 400 and 404 for what is not there, and reaches no other path', async () => {
    const { reportId } = await system.createReport();
    const before = receiver.requests.length;
    const refused: [object, string][] = [
      [{ report_type: 'org', report_id: randomUUID() }, 'report_not_found'],
      [{ report_type: 'org', report_id: reportId }, 'delivery_not_found'],
      [{ report_type: 'org', report_id: reportId, webhook_type: '../..' }, 'invalid_body'],
      [{ report_type: '../..', report_id: reportId }, 'invalid_body'],
      [{ report_type: 'org' }, 'invalid_body'],
    ];
    for (const [body, code] of refused) expect((await call('POST', body)).json).toMatchObject({ code });
    expect(receiver.requests.length).toBe(before);
  });
});

describe('the sweep', () => {
  it('sends what is due and only that, once however many sweep at a time', async () => {
    const due = [];
    for (let count = 0; count < 5; count += 1)
      due.push(await failedDelivery({ kind: 'answer', status: 500 }));
    const waiting = await failedDelivery({ kind: 'answer', status: 500 });
    for (const { reportId } of due) await makeDue(reportId);
    const before = receiver.requests.length;
    const answers = await Promise.all([1, 2, 3].map(() => call('GET')));
    const sums = answers.map(({ json }) => sweepAnswer.parse(json));
    expect(sums.reduce((sum, { successes }) => sum + successes, 0)).toBe(5);
    expect(receiver.requests.length - before).toBe(5);
    for (const { reportId } of due) expect(await delivery(reportId)).toMatchObject({ status: 'success' });
    expect(await delivery(waiting.reportId)).toMatchObject({ status: 'failed', waits: true });
  });

  it('lists before it what it takes', async () => {
    const { reportId } = await failedDelivery({ kind: 'answer', status: 500 });
    await makeDue(reportId);
    const listed = await system.sql`select record_id, job_id from public.get_failed_webhooks(99, 0)`;
    expect(listed).toMatchObject([{ record_id: reportId }]);
    await call('GET');
    expect(await system.sql`select from public.get_failed_webhooks(99, 0)`).toHaveLength(0);
  });

  it('takes up what a process left pending, sent or retrying when it died', async () => {
    for (const status of ['pending', 'sent', 'retrying']) {
      const { reportId } = await failedDelivery({ kind: 'answer', status: 500 });
      await system.sql`
        update public.webhook_deliveries set status = ${status}, next_attempt = now(),
          lease_expires_at = now() - interval '1 second' where report_id = ${reportId}`;
      expect((await call('GET')).json).toMatchObject({ processed: 1, successes: 1 });
      expect(await delivery(reportId)).toMatchObject({ status: 'success' });
    }
  });

  it('makes a dead letter of what failed in its last slot, whose result is in its report all the same', async () => {
    const { reportId, job } = await failedDelivery({ kind: 'answer', status: 500 });
    await system.sql`update public.webhook_deliveries set rounds = 6, next_attempt = now() where report_id = ${reportId}`;
    receiver.behave({ kind: 'answer', status: 500 });
    expect((await call('GET')).json).toMatchObject({ processed: 1, failures: 1, dead: 1 });
    receiver.behave({ kind: 'pass' });
    expect(await delivery(reportId)).toMatchObject({ status: 'failed', dead_reason: 'attempts_exhausted' });
    const [report] = await system.sql`select research_report from public.org_reports where id = ${reportId}`;
    expect(report).toEqual({ research_report: job.result });
  });

  it('sends what is due though more deliveries than it has workers cannot be recorded', async () => {
    const store = storeClient(system.sql);
    const due = [];
    for (let count = 0; count < 13; count += 1) {
      const { reportId } = await system.createReport();
      const { run } = await store.request(reportId);
      await store.complete(run.job_id, run.lease_token);
      due.push(reportId);
    }
    const [healthy = '', ...faulty] = due.toReversed();
    await system.sql`
      update public.webhook_deliveries set lease_expires_at = now() - interval '1 second',
        next_attempt = now() - case when report_id = ${healthy} then interval '1 second' else interval '1 minute' end
      where report_id in ${system.sql(due)}`;
    await system.sql.unsafe(`
      create function private.refuse_attempts() returns trigger language plpgsql as $$
      begin raise exception 'refused' using errcode = 'data_exception'; end $$;
      create trigger refuse_attempts before insert on public.webhook_audit for each row
      when (new.direction = 'out' and new.report_id in (${faulty.map((id) => `'${id}'`).join()}))
      execute function private.refuse_attempts()`);
    try {
      expect((await call('GET')).json).toMatchObject({
        processed: 13,
        successes: 1,
        errors: ['record_delivery_attempts failed'],
      });
    } finally {
      await system.sql`drop function private.refuse_attempts cascade`;
    }
    const sent = await system.sql`
      select report_id from public.webhook_audit
      where report_id in ${system.sql(due)} and direction = 'out'`;
    expect([...sent]).toEqual([{ report_id: healthy }]);
  });

  it('of the cron also takes over jobs whose runner died', async () => {
    const { reportId } = await system.createReport();
    const jobId = await pipeline.request(reportId, { generate: false });
    await system.sql`
      update public.report_jobs set generate = true, status = 'running', lease_expires_at = now() - interval '1 second'
      where job_id = ${jobId}`;
    const swept = await call('GET', undefined, system.secrets.cronSecret, '/api/cron/sweep');
    expect(swept).toMatchObject({ status: 200, json: { taken_over: 1, errors: [] } });
    expect((await pipeline.until(jobId, confirmed)).status).toBe('succeeded');
    const again = await call('GET', undefined, system.secrets.cronSecret, '/api/cron/sweep');
    expect(again.json).toMatchObject({ taken_over: 0 });
  });
});

describe('who may', () => {
  it('an operator may until revoked; a user and strangers may not; each refusal is audited', async () => {
    const operator = await system.createOperator();
    const user = await system.createUser();
    expect((await call('GET', undefined, operator.accessToken)).status).toBe(200);
    await system.sql`delete from public.operators where user_id = ${operator.id}`;
    const paths = ['/api/webhooks/retry', '/api/cron/sweep'];
    for (const path of paths) {
      expect(await call('GET', undefined, operator.accessToken, path)).toMatchObject({ status: 403 });
      expect(await call('GET', undefined, user.accessToken, path)).toMatchObject({ status: 403 });
      expect(await call('GET', undefined, system.secrets.pipelineApiKey, path)).toMatchObject({
        status: 401,
      });
    }
    expect(await call('POST', {}, system.secrets.pipelineApiKey, '/api/cron/take-over')).toMatchObject({
      status: 401,
    });
    const audit = await system.sql`
      select count(*)::int as refusals from public.webhook_audit
      where outcome in ('unauthorized', 'forbidden') and request_payload ->> 'endpoint' in ('retry', 'sweep')`;
    expect([...audit]).toEqual([{ refusals: 6 }]);
  });
});

describe('the audit of refusals', () => {
  /** As though this minute, and the next, had seen so many requests that nobody vouched for. */
  const refusedAlready = (requests: number) => system.sql`
    insert into public.webhook_refusals (minute, requests)
    select date_trunc('minute', now()) + minutes * interval '1 minute', ${requests} from generate_series(0, 1) minutes
    on conflict (minute) do update set requests = excluded.requests`;

  it.each([
    ['/api/webhooks/retry', 'retry', ['PUT', 'PATCH', 'DELETE'], 'GET, POST'],
    ['/api/webhooks/redrive', 'redrive', ['GET', 'PUT', 'PATCH', 'DELETE'], 'POST'],
  ])('of %s has every method that is not allowed', async (path, endpoint, methods, allow) => {
    for (const method of methods) {
      const response = await fetch(system.url(path), { method });
      expect(response.status).toBe(405);
      expect(response.headers.get('allow')).toBe(allow);
      expect(await response.json()).toMatchObject({ code: 'method_not_allowed' });
    }
    const audit = await system.sql`
      select request_payload ->> 'method' as method, response_status, actor from public.webhook_audit
      where outcome = 'method_not_allowed' and request_payload ->> 'endpoint' = ${endpoint} order by created_at`;
    expect([...audit]).toEqual(methods.map((method) => ({ method, response_status: 405, actor: null })));
  });

  it('is capped for signed-in users as for strangers, but not for operators', async () => {
    const user = await system.createUser();
    const operator = await system.createOperator();
    await refusedAlready(60);
    expect(await call('GET', undefined, user.accessToken)).toMatchObject({ status: 403 });
    expect(await call('GET', undefined, operator.accessToken)).toMatchObject({ status: 200 });
    await refusedAlready(0);
    expect(await call('POST', {}, user.accessToken, '/api/webhooks/redrive')).toMatchObject({ status: 403 });
    const audit = await system.sql`
      select actor, outcome from public.webhook_audit where actor in (${user.id}, ${operator.id})
      order by created_at`;
    expect([...audit]).toEqual([
      { actor: operator.id, outcome: 'swept' },
      { actor: user.id, outcome: 'forbidden' },
    ]);
  });
});

describe('redriving dead letters', () => {
  const redrive = (body: object, token: string) => call('POST', body, token, '/api/webhooks/redrive');

  async function deadLetter() {
    const failed = await failedDelivery({ kind: 'answer', status: 500 });
    await system.sql`
      update public.webhook_deliveries set dead_at = now(), dead_reason = 'attempts_exhausted', status = 'failed',
        next_attempt = null, rounds = 7
      where report_id = ${failed.reportId}`;
    const [row] = await system.sql`
      select event_id from public.webhook_deliveries where report_id = ${failed.reportId}`;
    return { ...failed, eventId: row?.['event_id'] as string };
  }

  it('puts them back on schedule, sends them though their event has its effect, and says who did it', async () => {
    const operator = await system.createOperator();
    const { reportId, eventId } = await deadLetter();
    expect(await redrive({ event_ids: [eventId] }, operator.accessToken)).toEqual({
      status: 200,
      json: { redriven: 1 },
    });
    expect(await delivery(reportId)).toMatchObject({ status: 'failed', dead: false, rounds: 0 });
    expect((await call('GET')).json).toMatchObject({ processed: 1, successes: 1 });
    expect(await delivery(reportId)).toMatchObject({ status: 'success' });
    const audit = await system.sql`
      select direction, outcome, actor from public.webhook_audit where event_id = ${eventId} order by created_at desc limit 3`;
    expect([...audit]).toEqual([
      { direction: 'out', outcome: 'delivered', actor: null },
      { direction: 'in', outcome: 'duplicate', actor: null },
      { direction: 'in', outcome: 'redriven', actor: operator.id },
    ]);
    // It is none any more.
    expect((await redrive({ event_ids: [eventId] }, operator.accessToken)).json).toEqual({ redriven: 0 });
  });

  it('takes all that match a filter, and leaves those whose report is gone', async () => {
    const operator = await system.createOperator();
    const dead_after = new Date().toISOString();
    const some = [await deadLetter(), await deadLetter(), await deadLetter()];
    await system.sql`delete from public.org_reports where id = ${some[2]?.reportId ?? ''}`;
    const filter = (change: object) => redrive({ filter: change }, operator.accessToken);
    expect((await filter({ report_type: 'greeting' })).json).toEqual({ redriven: 0 });
    expect((await filter({ error: 'answered 404' })).json).toEqual({ redriven: 0 });
    expect((await filter({ error: 'Answered 500', webhook_type: 'prelim-report', dead_after })).json).toEqual(
      {
        redriven: 2,
      },
    );
    expect((await filter({ dead_after })).json).toEqual({ redriven: 0 });
    await call('GET');
  });

  it.each<[string, object]>([
    ['nothing', {}],
    ['no ids', { event_ids: [] }],
    ['an unknown filter', { filter: { colour: 'red' } }],
    ['a time that PostgreSQL does not take', { filter: { dead_after: '2026-01-01T00:00:00+18:00' } }],
    ['a year that PostgreSQL does not take', { filter: { dead_before: '0000-01-01T00:00:00Z' } }],
    ['U+0000', { filter: { error: 'a\u0000b' } }],
    ['half a surrogate pair', { filter: { error: '\ud800' } }],
    ['both', { event_ids: ['a'], filter: {} }],
  ])('refuses %s', async (_name, body) => {
    const operator = await system.createOperator();
    expect(await redrive(body, operator.accessToken)).toMatchObject({
      status: 400,
      json: { code: 'invalid_body' },
    });
  });

  it('is for operators: not for users, strangers, nor the cron, which nobody could ask why', async () => {
    const user = await system.createUser();
    expect((await redrive({ filter: {} }, user.accessToken)).status).toBe(403);
    expect((await redrive({ filter: {} }, 'stranger')).status).toBe(401);
    expect((await redrive({ filter: {} }, system.secrets.cronSecret)).status).toBe(403);
  });
});
