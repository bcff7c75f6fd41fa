import { randomUUID } from 'node:crypto';
import type postgres from 'postgres';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DatabaseClient } from '../../src/services/database.ts';
import type { Plan, PlanFilter } from '../../src/contracts/plans.ts';
import { getEventTimeline } from '../../src/services/audit.ts';
import { getReportsWithFailedWebhooks } from '../../src/services/polarisReportsService.ts';
import { cancelPlan, getDeliveryCauses, getPlans, requestPlan } from '../../src/services/plans.ts';
import { addFailure, clearDeliveries, statusOf, type Failure } from '../e2e/support/outage.ts';
import { consoleClient, dataOf, errorOf } from '../support/console.ts';
import { subscriberClient } from '../support/subscribers.ts';
import { startTestSystem, type TestSystem } from '../support/system.ts';

let system: TestSystem;
let operator: DatabaseClient;
let operatorId: string;
let user: DatabaseClient;
let ownerId: string;
let options: { baseUrl: string };
beforeAll(async () => {
  system = await startTestSystem({
    functions: [
      'api/plans.ts',
      'api/cron/sweep.ts',
      'api/webhooks/prelim-report.ts',
      'api/webhooks/final-report.ts',
    ],
  });
  options = { baseUrl: system.functions.url };
  const account = await system.createOperator();
  operatorId = account.id;
  operator = await consoleClient(system, account);
  const owner = await system.createUser();
  ownerId = owner.id;
  user = await consoleClient(system, owner);
});
afterAll(() => system.stop());
beforeEach(async () => {
  await clearDeliveries(system.sql);
  await system.sql`
    update public.plans set status = 'done', finished_at = now() where status = 'running'`;
});

const dead = (change: Failure = {}) => addFailure(system.sql, ownerId, { isDead: true, ...change });

const ask = (filter: PlanFilter, change: object = {}) =>
  requestPlan(
    operator,
    {
      request_id: randomUUID(),
      kind: 'redrive',
      name: 'A name',
      reason: 'The gateway is back',
      filter,
      ...change,
    },
    options,
  );

/** Made without a request that would begin with it: as one whose process died at once leaves it. */
async function leave(filter: postgres.JSONValue, deliveries: number | null = null): Promise<number> {
  const [row] = await system.sql<{ id: number }[]>`
    insert into public.plans (request_id, kind, name, reason, filter, actor, total)
    values (${randomUUID()}, 'redrive', 'Left', 'why', ${system.sql.json(filter)}, ${operatorId},
      ${deliveries}) returning id`;
  if (row === undefined) throw new Error('no plan');
  return row.id;
}

const work = async (limit = 100) => {
  const [row] = await system.sql`select public.work_plan(${limit}) as done`;
  return row?.['done'] as { plan_id: number; status: string; redriven: number; error?: string } | null;
};

async function planOf(id: number | string): Promise<Plan> {
  const { rows } = await dataOf(getPlans(operator));
  const plan = rows.find((row) => row.id === String(id));
  if (plan === undefined) throw new Error(`no plan ${id}`);
  return plan;
}

async function untilEnded(id: string): Promise<Plan> {
  return expect
    .poll(() => planOf(id), { timeout: 10_000 })
    .toMatchObject({ status: 'done' })
    .then(() => planOf(id));
}

const hasDied = async (eventId: string) => ((await statusOf(system.sql, eventId)) as { dead: boolean }).dead;

describe('a plan', () => {
  it('puts all that match back on schedule after its answer, and says who asked and why', async () => {
    const matching = [await dead({ error: 'answered 502' }), await dead({ error: 'answered 502' })];
    const others = [
      await dead({ error: 'answered 502', stage: 'final' }),
      await dead({ error: 'not sent: the connection was refused (ECONNREFUSED)', status: null }),
      await addFailure(system.sql, ownerId, { error: 'answered 502' }),
    ];
    const { plan } = await dataOf(
      ask({ endpoint_id: 'prelim-report', response_status: '502', cause: 'answered 502' }),
    );
    expect(plan).toMatchObject({
      status: 'running',
      total: 2,
      actor: operatorId,
      reason: 'The gateway is back',
    });
    expect(await untilEnded(plan.id)).toMatchObject({
      outcomes: { redriven: 2, changed: 0, held: 0, error: 0 },
      passes: 1,
      cancelled_by: null,
    });
    for (const { eventId } of matching) expect(await hasDied(eventId)).toBe(false);
    expect(await hasDied(others[0]?.eventId ?? '')).toBe(true);
    expect(await hasDied(others[1]?.eventId ?? '')).toBe(true);
    const audited = await system.sql`
      select event_id, actor, request_payload ->> 'plan' as plan from public.webhook_audit
      where outcome = 'redriven' and event_id = any (${matching.map(({ eventId }) => eventId)})`;
    expect(audited.map(({ actor, plan: by }) => ({ actor: actor as unknown, by: String(by) }))).toEqual(
      matching.map(() => ({ actor: operatorId, by: plan.id })),
    );
    const [request] = await system.sql`
      select actor, response_body from public.webhook_audit where outcome = 'planned' order by created_at desc limit 1`;
    expect(request).toEqual({
      actor: operatorId,
      response_body: {
        plan: Number(plan.id),
        name: 'A name',
        reason: 'The gateway is back',
        filter: { endpoint_id: 'prelim-report', response_status: '502', cause: 'answered 502' },
      },
    });
  });

  it('is the same plan when its request is repeated, and no other content may have its id', async () => {
    const request_id = randomUUID();
    const first = await dataOf(ask({}, { request_id }));
    expect((await dataOf(ask({}, { request_id }))).plan.id).toBe(first.plan.id);
    expect(await errorOf(ask({ report_type: 'org' }, { request_id }))).toMatchObject({
      code: 'idempotency_conflict',
      status: 409,
    });
    const [row] = await system.sql`select count(*)::int from public.plans where request_id = ${request_id}`;
    expect(row).toEqual({ count: 1 });
  });

  it('by a stage is about what the list shows for it: also deliveries to subscribers, none of the other stage', async () => {
    const subscribers = subscriberClient(system.sql);
    const { endpointId } = await subscribers.active();
    try {
      const final = await dead({ stage: 'final' });
      const prelim = await dead();
      const stillDead = async () => {
        const { rows } = await dataOf(getReportsWithFailedWebhooks(operator, { status: 'dead' }));
        return rows.map(({ event_id, endpoint_id }) => [event_id, endpoint_id]).sort();
      };
      const prelims = [
        [prelim.eventId, endpointId],
        [prelim.eventId, 'prelim-report'],
      ].sort();
      expect(await stillDead()).toEqual(
        [...prelims, [final.eventId, endpointId], [final.eventId, 'final-report']].sort(),
      );
      const shown = await dataOf(getReportsWithFailedWebhooks(operator, { status: 'dead', stage: 'final' }));
      const { plan } = await dataOf(ask({ status: 'dead', stage: 'final' }));
      expect(plan.total).toBe(shown.rows.length);
      expect((await untilEnded(plan.id)).outcomes).toMatchObject({ redriven: 2 });
      expect(await stillDead()).toEqual(prelims);
      // Of an event at one endpoint, as a selection of rows asks.
      const one = await dataOf(ask({ event_ids: [prelim.eventId], endpoint_id: endpointId }));
      expect((await untilEnded(one.plan.id)).outcomes).toMatchObject({ redriven: 1 });
      expect(await stillDead()).toEqual([[prelim.eventId, 'prelim-report']]);
    } finally {
      await subscribers.move(endpointId, 'removed');
    }
  });

  it('is worked off by the sweep where the request that made it died', async () => {
    const { eventId } = await dead();
    const id = await leave({ event_ids: [eventId] }, 1);
    const response = await fetch(system.url('/api/cron/sweep'), {
      headers: { authorization: `Bearer ${system.secrets.cronSecret}` },
    });
    expect(await response.json()).toMatchObject({ redriven: 1, errors: [] });
    expect(await planOf(id)).toMatchObject({ status: 'done', outcomes: { redriven: 1 } });
  });

  it('continues where its last slice ended, in any process', async () => {
    const letters = [await dead(), await dead(), await dead()];
    const id = await leave({});
    expect(await work(2)).toEqual({ plan_id: id, status: 'running', redriven: 2 });
    expect(await hasDied(letters[2]?.eventId ?? '')).toBe(true);
    expect(await work(2)).toEqual({ plan_id: id, status: 'done', redriven: 1 });
    expect(await work(2)).toBeNull();
    expect(await planOf(id)).toMatchObject({ outcomes: { redriven: 3 } });
  });

  it('undoes a slice whole when its process dies in it', async () => {
    const { eventId } = await dead();
    const id = await leave({});
    await expect(
      system.sql.begin(async (sql) => {
        await sql`select public.work_plan(100)`;
        throw new Error('died');
      }),
    ).rejects.toThrow('died');
    expect(await hasDied(eventId)).toBe(true);
    expect(await planOf(id)).toMatchObject({ status: 'running', outcomes: { redriven: 0 } });
    expect(await work()).toMatchObject({ status: 'done', redriven: 1 });
  });

  it('is worked off by several at once without doing anything twice', async () => {
    const letters = await Promise.all(Array.from({ length: 12 }, () => dead()));
    const ids = [await leave({}), await leave({})];
    await Promise.all(
      Array.from({ length: 6 }, async () => {
        for (let count = 0; count < 20; count += 1) await work(2);
      }),
    );
    // What each held for a moment, the other passed over.
    await system.sql`update public.plans set next_slice_at = now() where id = any (${ids}) and status = 'running'`;
    while ((await work()) !== null);
    const plans = await Promise.all(ids.map(planOf));
    expect(plans.map(({ status }) => status)).toEqual(['done', 'done']);
    expect(plans.reduce((sum, { outcomes }) => sum + outcomes.redriven, 0)).toBe(letters.length);
    const [row] = await system.sql`
      select count(*)::int from public.webhook_audit
      where outcome = 'redriven' and event_id = any (${letters.map(({ eventId }) => eventId)})`;
    expect(row).toEqual({ count: letters.length });
  });

  it('passes over what another transaction holds, and comes back to it', async () => {
    const held = await dead();
    const free = await dead();
    const id = await leave({});
    await system.sql.begin(async (sql) => {
      await sql`select from public.webhook_deliveries where event_id = ${held.eventId} for update`;
      expect(await work()).toMatchObject({ status: 'running', redriven: 1 });
    });
    expect(await hasDied(free.eventId)).toBe(false);
    expect(await planOf(id)).toMatchObject({ status: 'running', passes: 1 });
    // Not before a minute has passed.
    expect(await work()).toBeNull();
    await system.sql`update public.plans set next_slice_at = now() where id = ${id}`;
    expect(await work()).toMatchObject({ status: 'done', redriven: 1 });
    expect(await planOf(id)).toMatchObject({ outcomes: { redriven: 2, held: 0 } });
  });

  it('waits for no report that another transaction holds, and says in the end what it left', async () => {
    const held = await dead();
    const id = await leave({});
    await system.sql.begin(async (sql) => {
      await sql`select from public.org_reports where id = ${held.reportId} for update`;
      for (let pass = 1; pass <= 5; pass += 1) {
        await system.sql`update public.plans set next_slice_at = now() where id = ${id}`;
        expect(await work()).toMatchObject({ status: pass === 5 ? 'done' : 'running', redriven: 0 });
      }
    });
    expect(await planOf(id)).toMatchObject({ status: 'done', passes: 5, outcomes: { redriven: 0, held: 1 } });
    expect(await hasDied(held.eventId)).toBe(true);
  });

  it('leaves alone what died after it was requested, and what is closed', async () => {
    const before = await dead();
    const closed = await dead();
    await system.sql`delete from public.org_reports where id = ${closed.reportId}`;
    const id = await leave({});
    const after = await dead();
    expect(await work()).toMatchObject({ status: 'done', redriven: 1 });
    expect(await hasDied(before.eventId)).toBe(false);
    expect(await hasDied(after.eventId)).toBe(true);
    expect(await hasDied(closed.eventId)).toBe(true);
    expect(await planOf(id)).toMatchObject({ outcomes: { redriven: 1, changed: 0 } });
  });

  it('ends when it is cancelled: what is done stays done, and nothing more begins', async () => {
    const letters = [await dead(), await dead()];
    const id = await leave({});
    await work(1);
    const { plan } = await dataOf(cancelPlan(operator, String(id), options));
    expect(plan).toMatchObject({ status: 'cancelled', cancelled_by: operatorId, outcomes: { redriven: 1 } });
    expect(plan.finished_at).not.toBeNull();
    expect(await work()).toBeNull();
    expect(await hasDied(letters[1]?.eventId ?? '')).toBe(true);
    // Again: as it is.
    expect((await dataOf(cancelPlan(operator, String(id), options))).plan).toEqual(plan);
  });

  it('fails after five slices that could not be done, and keeps no other from being done', async () => {
    const { eventId } = await dead();
    const broken = await leave({ dead_after: 'no time' });
    const good = await leave({});
    expect(await work()).toMatchObject({
      plan_id: broken,
      status: 'running',
      error: expect.stringMatching(/no time/) as string,
    });
    expect(await work()).toMatchObject({ plan_id: good, status: 'done', redriven: 1 });
    expect(await hasDied(eventId)).toBe(false);
    for (let slice = 2; slice <= 5; slice += 1) {
      await system.sql`update public.plans set next_slice_at = now() where id = ${broken}`;
      await work();
    }
    expect(await planOf(broken)).toMatchObject({
      status: 'failed',
      last_error: expect.stringMatching(/no time/) as string,
    });
    expect(await work()).toBeNull();
  });
});

describe('a plan to retry', () => {
  const leaveRetry = async (filter: postgres.JSONValue = {}) => {
    const id = await leave(filter);
    await system.sql`update public.plans set kind = 'retry' where id = ${id}`;
    return id;
  };
  const waiting = async (change: Failure = {}) => {
    const failure = await addFailure(system.sql, ownerId, change);
    await system.sql`
      update public.webhook_deliveries
      set next_attempt = now() + interval '1 hour', rounds = 4, last_attempt = now() - interval '1 minute'
      where event_id = ${failure.eventId}`;
    return failure.eventId;
  };
  const stateOf = async (event: string) => {
    const [row] = await system.sql`
      select rounds, next_attempt <= now() as is_due, dead_at is not null as is_dead
      from public.webhook_deliveries where event_id = ${event}`;
    return row;
  };

  it('makes due what waits for its slot, and dead letters too, and names who asked', async () => {
    const late = await waiting({ error: 'answered 502' });
    const letter = await dead({ error: 'answered 502' });
    const other = await waiting({ error: 'answered 503' });
    const { plan } = await dataOf(ask({ cause: 'answered 502' }, { kind: 'retry' }));
    expect(plan).toMatchObject({ kind: 'retry', total: 2 });
    expect((await untilEnded(plan.id)).outcomes).toMatchObject({ brought_forward: 1, redriven: 1 });
    // The slot is not used: should the retry fail, the same one follows.
    expect(await stateOf(late)).toEqual({ rounds: 3, is_due: true, is_dead: false });
    expect(await stateOf(letter.eventId)).toEqual({ rounds: 0, is_due: true, is_dead: false });
    expect(await stateOf(other)).toEqual({ rounds: 4, is_due: false, is_dead: false });
    const audited = await system.sql`
      select outcome, actor, request_payload ->> 'plan' as plan from public.webhook_audit
      where event_id = ${late} and outcome = 'brought_forward'`;
    expect(audited.map((row) => ({ ...row }))).toEqual([
      { outcome: 'brought_forward', actor: operatorId, plan: plan.id },
    ]);
    const timeline = await dataOf(getEventTimeline(operator, late));
    expect(timeline.steps).toContainEqual(
      expect.objectContaining({ kind: 'brought_forward', actor: operatorId }),
    );
  });

  it('leaves alone what is being sent, was sent since, or came later', async () => {
    const held = await waiting();
    await system.sql`
      update public.webhook_deliveries set lease_expires_at = now() + interval '1 minute' where event_id = ${held}`;
    const tried = await waiting();
    await leaveRetry();
    await system.sql`update public.webhook_deliveries set last_attempt = now() where event_id = ${tried}`;
    const later = await waiting();
    expect(await work()).toMatchObject({ status: 'done', redriven: 0 });
    for (const event of [held, tried, later]) expect(await stateOf(event)).toMatchObject({ is_due: false });
  });

  it.each<[PlanFilter, number]>([
    [{ status: 'dead' }, 1],
    [{ status: 'failed' }, 2],
    [{ status: 'sent' }, 0],
    [{ response_status: 'none' }, 1],
    [{ created_before: '2026-01-01T00:00:00Z' }, 0],
    [{ created_after: '2026-01-01T00:00:00Z', report_type: 'org' }, 3],
    [{ endpoint_id: 'final-report' }, 0],
  ])('is about what its filter says: %o', async (filter, count) => {
    await waiting({ error: 'answered 502' });
    await waiting({ error: 'no answer: timed out', status: null });
    await dead();
    await leaveRetry(filter);
    expect(await work()).toMatchObject({ status: 'done', redriven: count });
  });

  it('passes over what another transaction holds, and brings nothing forward twice', async () => {
    const held = await waiting();
    const free = await waiting();
    const id = await leaveRetry();
    await system.sql.begin(async (sql) => {
      await sql`select from public.webhook_deliveries where event_id = ${held} for update`;
      expect(await work()).toMatchObject({ status: 'running', redriven: 1 });
    });
    await system.sql`update public.plans set next_slice_at = now() where id = ${id}`;
    expect(await work()).toMatchObject({ status: 'done', redriven: 1 });
    expect(await planOf(id)).toMatchObject({ outcomes: { brought_forward: 2, held: 0 } });
    expect(await stateOf(free)).toMatchObject({ rounds: 3, is_due: true });
  });
});

describe('a plan that ended', () => {
  it('is forgotten when its retention ends, and its audit rows are not', async () => {
    const prune = async () => {
      const [row] = await system.sql`select public.prune_expired(30, 30, 30, 100) as pruned`;
      return row?.['pruned'] as { plans: number };
    };
    const { plan } = await dataOf(ask({}));
    await untilEnded(plan.id);
    const running = await leave({});
    await system.sql`
      update public.plans set created_at = created_at - interval '40 days', next_slice_at = now() + interval '1 day',
        finished_at = finished_at - interval '29 days'`;
    expect(await prune()).toMatchObject({ plans: 0 });
    await system.sql`
      update public.plans set finished_at = finished_at - interval '2 days' where id = ${Number(plan.id)}`;
    expect(await prune()).toMatchObject({ plans: 1 });
    expect(await planOf(running)).toMatchObject({ status: 'running' });
    await expect(planOf(plan.id)).rejects.toThrow(`no plan ${plan.id}`);
    const audited = await system.sql`
      select from public.webhook_audit
      where outcome = 'planned' and (response_body ->> 'plan')::int = ${Number(plan.id)}`;
    expect(audited).toHaveLength(1);
  });
});

describe('the endpoint of plans', () => {
  const call = (method: string, token: string, body?: object, query = '') =>
    fetch(system.url(`/api/plans${query}`), {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });

  it('refuses the cron, other people, and unauthenticated callers', async () => {
    const { cronSecret } = system.secrets;
    const body = { request_id: randomUUID(), kind: 'redrive', name: 'n', reason: 'r', filter: {} };
    expect((await call('POST', cronSecret, body)).status).toBe(403);
    expect((await call('DELETE', cronSecret, undefined, '?plan=1')).status).toBe(403);
    expect((await call('POST', 'nobody', body)).status).toBe(401);
    expect((await call('GET', cronSecret)).status).toBe(405);
    const request = {
      request_id: randomUUID(),
      kind: 'redrive',
      name: 'n',
      reason: 'r',
      filter: {},
    } as const;
    expect(await errorOf(requestPlan(user, request, options))).toMatchObject({
      code: 'forbidden',
      status: 403,
    });
    expect(await errorOf(cancelPlan(user, '1', options))).toMatchObject({ code: 'forbidden', status: 403 });
    expect(await errorOf(getPlans(user))).toMatchObject({ code: '42501' });
    expect(await errorOf(getDeliveryCauses(user))).toMatchObject({ code: '42501' });
    expect(await dataOf(getPlans(operator))).toMatchObject({
      rows: expect.not.arrayContaining([expect.objectContaining({ name: 'n' })]) as Plan[],
    });
  });

  it('refuses a plan without a reason, of another kind, or with a filter that it does not know', async () => {
    const { data } = await operator.auth.getSession();
    const token = data.session?.access_token ?? '';
    const body = { request_id: randomUUID(), kind: 'redrive', name: 'n', reason: 'r', filter: {} };
    for (const change of [
      { reason: ' ' },
      { name: '' },
      { kind: 'delete' },
      { filter: { status: 'success' } },
      { filter: { id: 1 } },
      { filter: { response_status: '99' } },
      { request_id: 'x' },
    ]) {
      const response = await call('POST', token, { ...body, ...change });
      expect([change, response.status]).toEqual([change, 400]);
    }
    for (const query of ['', '?plan=x', '?plan=0', '?plan=9999999999', '?plan=1&also=2']) {
      expect([query, (await call('DELETE', token, undefined, query)).status]).toEqual([query, 400]);
    }
    expect(await errorOf(cancelPlan(operator, '2000000000', options))).toMatchObject({
      code: 'plan_not_found',
      status: 404,
    });
  });
});

describe('the cause of a failure', () => {
  it.each([
    ['answered 502', 'answered 502'],
    ['answered 503 database_unavailable', 'answered 503 database_unavailable'],
    ['answered 500 row 17 of 3f2a-99', 'answered 500 row … of …'],
    ['no answer: timed out', 'no answer: timed out'],
    ['no answer within 10000 ms', 'no answer within … ms'],
    [
      'not sent: the connection was refused (ECONNREFUSED)',
      'not sent: the connection was refused (ECONNREFUSED)',
    ],
    ['evt_9x of 00000000-0000-4000-8000-00000000000a, at 10.0.0.1:443.', '… of …, at ….'],
    ['then it answered 502', 'then it answered …'],
    ['', ''],
  ])('of %j is %j', async (error, cause) => {
    const [row] = await system.sql`select private.cause_of(${error}) as cause`;
    expect(row).toEqual({ cause });
  });

  it('takes no longer for what is made to take long', async () => {
    const error = '1.'.repeat(5000);
    const started = performance.now();
    await system.sql`select private.cause_of(${error})`;
    expect(performance.now() - started).toBeLessThan(500);
  });

  it('groups what failed alike and is not confirmed, and leads to its rows', async () => {
    const ids = new Map<string, string[]>();
    const add = async (name: string, change: Failure) => {
      const { eventId } = await addFailure(system.sql, ownerId, change);
      ids.set(name, [...(ids.get(name) ?? []), eventId]);
    };
    await add('busy', { error: 'answered 503 request 12345 is busy', status: 503, isDead: true });
    await add('busy', { error: 'answered 503 request 777 is busy', status: 503 });
    await add('busy', { error: 'answered 503 request 8 is busy', status: 503, isDead: true });
    await add('silent', { error: 'no answer: timed out', status: null });
    await add('final', { error: 'no answer: timed out', status: null, stage: 'final', isDead: true });
    const closed = await dead({ error: 'answered 400 gone', status: 400 });
    await system.sql`delete from public.org_reports where id = ${closed.reportId}`;
    const { causes, truncated } = await dataOf(getDeliveryCauses(operator));
    expect(truncated).toBe(false);
    expect(causes).toMatchObject([
      {
        endpoint_id: 'prelim-report',
        response_status: 503,
        cause: 'answered 503 request … is busy',
        deliveries: 3,
        dead: 2,
      },
      {
        endpoint_id: 'final-report',
        response_status: null,
        cause: 'no answer: timed out',
        deliveries: 1,
        dead: 1,
      },
      {
        endpoint_id: 'prelim-report',
        response_status: null,
        cause: 'no answer: timed out',
        deliveries: 1,
        dead: 0,
      },
    ]);
    const names = ['busy', 'final', 'silent'];
    for (const [index, { endpoint_id, response_status, cause }] of causes.entries()) {
      const { rows, total } = await dataOf(
        getReportsWithFailedWebhooks(operator, {
          endpoint_id,
          response_status: response_status ?? 'none',
          cause,
        }),
      );
      const wanted = ids.get(names[index] ?? '') ?? [];
      expect(rows.map(({ event_id }) => event_id).sort()).toEqual([...wanted].sort());
      expect(total.count).toBe(wanted.length);
    }
  });
});
