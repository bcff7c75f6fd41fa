import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type postgres from 'postgres';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createReport, createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { untilSomebodyWaits } from '../../support/locks.ts';
import { storeClient } from '../../support/store.ts';
import { subscriberClient } from '../../support/subscribers.ts';

let database: TestDatabase;
let subscribers: ReturnType<typeof subscriberClient>;
beforeAll(async () => {
  database = await createTestDatabase();
  subscribers = subscriberClient(database.sql);
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});
beforeEach(async () => {
  const { sql } = database;
  const open = await sql`select endpoint_id from private.subscribers where state <> 'removed'`;
  for (const { endpoint_id } of open) await subscribers.move(endpoint_id as string, 'removed');
  await subscribers.keep();
});

async function apply(sql: postgres.ISql, reportId: string): Promise<string> {
  const id = `evt_${randomUUID()}`;
  const now = new Date().toISOString();
  const data = {
    job_id: `job_${randomUUID()}`,
    report_id: reportId,
    report_type: 'org',
    research_status: 'completed',
    research_report: 'text',
    requested_at: now,
  };
  await storeClient(sql).apply(
    id,
    { type: 'report.prelim.completed', timestamp: now, data },
    'prelim-report',
  );
  return id;
}

interface Plan {
  id: number;
  status: string;
  preview: Record<string, unknown>;
  outcomes: Record<string, number>;
}

async function propose(filter: postgres.JSONValue, requestId: string = randomUUID()): Promise<Plan> {
  const [row] = await database.sql`
    select public.request_plan(${requestId}, 'replay', 'again', 'a test', ${database.sql.json(filter)}, 'tester') as answer`;
  return (row?.['answer'] as { plan: Plan }).plan;
}
const begin = (plan: number) => database.sql`select public.apply_plan(${plan}, 'tester')`;
/** Until no plan has anything to do now. */
async function work(sql: postgres.ISql = database.sql): Promise<void> {
  for (let slices = 0; slices < 100; slices += 1) {
    const [row] = await sql`select public.work_plan(100) as answer`;
    if (row?.['answer'] === null) return;
  }
  throw new Error('a plan does not end');
}
/** A plan waits for every transaction of the server that is older than it, those of other tests too. */
async function workUntilDone(): Promise<void> {
  for (let tries = 0; tries < 400; tries += 1) {
    await database.sql`update public.plans set next_slice_at = now() where status = 'running'`;
    await work();
    const running = await database.sql`select from public.plans where status = 'running'`;
    if (running.length === 0) return;
    await sleep(100);
  }
  throw new Error('a plan does not end');
}
const planOf = async (id: number) => {
  const [row] = await database.sql<
    Plan[]
  >`select id, status, preview, outcomes from public.plans where id = ${id}`;
  return row;
};

describe('a replay', () => {
  it('says what it would do, does it once it is applied, and nothing twice', async () => {
    const { sql } = database;
    const { endpointId } = await subscribers.active();
    const { reportId } = await createReport(sql);
    const first = await apply(sql, reportId);
    const [held] = await subscribers.claimEvent(first);
    if (held) await subscribers.record(held, 'delivered');
    const second = await apply(sql, reportId);
    const filter = { endpoint_ids: [endpointId], report_id: reportId };
    const requestId = randomUUID();
    const plan = await propose(filter, requestId);
    expect(plan).toMatchObject({
      status: 'proposed',
      preview: {
        is_whole: true,
        events: 2,
        deliveries: 2,
        erased: 0,
        confirmed: 1,
        samples: [{ event_id: first }, { event_id: second }],
      },
    });
    expect((await propose(filter, requestId)).id).toBe(plan.id);
    await work();
    expect(await subscribers.deliveries(endpointId)).toHaveLength(2);
    await begin(plan.id);
    await begin(plan.id);
    await workUntilDone();
    expect(await planOf(plan.id)).toMatchObject({
      status: 'done',
      outcomes: { planned: 2, content_erased: 0 },
    });
    await sql`update public.plans set status = 'running', finished_at = null, position = null, next_slice_at = now() where id = ${plan.id}`;
    await workUntilDone();
    const rows = await subscribers.deliveries(endpointId);
    expect(rows.filter((row) => row['plan'] === plan.id)).toHaveLength(2);
    // What is live goes first, and a replay says that it is one.
    expect((await subscribers.claim()).delivery).toMatchObject({ event_id: second, subscriber: { plan: 0 } });
    expect((await subscribers.claim()).delivery).toMatchObject({ subscriber: { plan: plan.id } });
  });

  it('that nobody begins is forgotten after a week', async () => {
    const { sql } = database;
    const { endpointId } = await subscribers.active();
    const plan = await propose({ endpoint_ids: [endpointId] });
    const age = (days: number) =>
      sql`update public.plans set created_at = now() - make_interval(days => ${days}) where id = ${plan.id}`;
    await age(6);
    await storeClient(sql).prune();
    expect(await planOf(plan.id)).toMatchObject({ status: 'proposed' });
    await age(8);
    await storeClient(sql).prune();
    expect(await planOf(plan.id)).toBeUndefined();
  });

  it('sends nothing of what was erased, and counts it', async () => {
    const { sql } = database;
    const { endpointId } = await subscribers.active();
    const { reportId } = await createReport(sql);
    const erased = await apply(sql, reportId);
    await apply(sql, reportId);
    await sql`select private.forget_event(${erased})`;
    const plan = await propose({ endpoint_ids: [endpointId], report_id: reportId });
    expect(plan.preview).toMatchObject({ deliveries: 1, erased: 1 });
    await begin(plan.id);
    await workUntilDone();
    expect(await planOf(plan.id)).toMatchObject({
      status: 'done',
      outcomes: { planned: 1, content_erased: 1 },
    });
  });

  it('to many endpoints looks at fewer events, so that its preview stays within the time of a call', async () => {
    const { sql } = database;
    const made = await Promise.all(Array.from({ length: 20 }, () => subscribers.active()));
    const from = new Date().toISOString();
    // Deletions of a report that is gone.
    await sql`
      insert into public.report_events (
        id, type, report_type, report_id, stage, requested_at, digest, channel, effect, position, applied_at, erased_at, applied_xid)
      select 'del_many' || number, 'report.deleted', 'org', ${randomUUID()}::uuid, 'prelim', now(), number::text, 'owner', 'applied',
        number, clock_timestamp(), now(), pg_current_xact_id()
      from generate_series(1, 1001) number`;
    const ids = made.map(({ endpointId }) => endpointId);
    expect((await propose({ endpoint_ids: ids, from })).preview).toMatchObject({
      is_whole: false,
      deliveries: 20_000,
    });
    expect((await propose({ endpoint_ids: ids.slice(1), from })).preview).toMatchObject({
      is_whole: true,
      deliveries: 19_019,
    });
  });

  it('makes no more due a second than its rate', async () => {
    const { sql } = database;
    const { endpointId } = await subscribers.active();
    const { reportId } = await createReport(sql);
    const ids = [await apply(sql, reportId), await apply(sql, reportId), await apply(sql, reportId)];
    const plan = await propose({ endpoint_ids: [endpointId], event_ids: ids, rate_per_second: 2 });
    await begin(plan.id);
    await workUntilDone();
    const rows = await sql`
      select event_id, extract(epoch from next_attempt - min(next_attempt) over ())::float8 as after
      from public.webhook_deliveries where plan = ${plan.id} order by next_attempt`;
    expect(
      rows.map(({ event_id, after }) => ({ event_id: event_id as string, after: after as number })),
    ).toEqual(ids.map((event_id, index) => ({ event_id, after: index / 2 })));
  });

  it('makes no delivery of what is erased at the same time', async () => {
    const { sql } = database;
    const { endpointId } = await subscribers.active();
    const { reportId } = await createReport(sql);
    const erased = await apply(sql, reportId);
    await apply(sql, reportId);
    const plan = await propose({ endpoint_ids: [endpointId], event_ids: [erased] });
    await begin(plan.id);
    // From here on it waits for no transaction that begins later.
    await sql`select public.work_plan(100)`;
    const eraser = await sql.reserve();
    await eraser`begin`;
    await eraser`select private.forget_event(${erased})`;
    const done = workUntilDone();
    await untilSomebodyWaits(sql);
    await eraser`commit`;
    eraser.release();
    await done;
    expect(await planOf(plan.id)).toMatchObject({ outcomes: { planned: 0, content_erased: 1 } });
  });

  it('of one report shows what it would do, however many events of others there are', async () => {
    const { sql } = database;
    const { endpointId } = await subscribers.active();
    const others = await createReport(sql);
    await apply(sql, others.reportId);
    const { reportId } = await createReport(sql);
    const id = await apply(sql, reportId);
    const [row] = await sql`
      select (private.replayed_events(${sql.json({ endpoint_ids: [endpointId], report_id: reportId })}, now(), null, 1)).replayed as found`;
    expect(row?.['found']).toMatchObject([{ event_id: id }]);
  });

  it('waits for what is under way when it is applied, so that it misses nothing', async () => {
    const { sql } = database;
    const { endpointId } = await subscribers.active();
    const { reportId } = await createReport(sql);
    const plan = await propose({ endpoint_ids: [endpointId], report_id: reportId });
    const connection = await sql.reserve();
    await connection`begin`;
    const late = await apply(connection, reportId);
    await begin(plan.id);
    await work();
    expect(await planOf(plan.id)).toMatchObject({ status: 'running' });
    await connection`commit`;
    connection.release();
    await workUntilDone();
    expect(await planOf(plan.id)).toMatchObject({ status: 'done', outcomes: { planned: 1 } });
    const rows = await subscribers.deliveries(endpointId);
    expect(rows.filter((row) => row['plan'] === plan.id)).toMatchObject([{ event_id: late }]);
  });

  it('that is cancelled leaves nothing to send behind', async () => {
    const { sql } = database;
    const { endpointId } = await subscribers.active();
    const { reportId } = await createReport(sql);
    await apply(sql, reportId);
    const plan = await propose({ endpoint_ids: [endpointId], report_id: reportId });
    await begin(plan.id);
    await workUntilDone();
    await sql`update public.plans set status = 'running', finished_at = null where id = ${plan.id}`;
    await sql`select public.cancel_plan(${plan.id}, 'tester')`;
    await subscribers.keep();
    const rows = await subscribers.deliveries(endpointId);
    expect(rows.filter((row) => row['plan'] === plan.id)).toMatchObject([{ status: 'cancelled' }]);
    expect(rows.filter((row) => row['plan'] === 0)).toMatchObject([{ status: 'pending' }]);
  });

  it('that is cancelled has a call to make for the rest, also while a removed subscriber has one', async () => {
    const { sql } = database;
    const removed = await subscribers.active();
    const { endpointId } = await subscribers.active();
    const { reportId } = await createReport(sql);
    for (let event = 0; event < 3; event += 1) await apply(sql, reportId);
    const plan = await propose({ endpoint_ids: [endpointId], report_id: reportId });
    await begin(plan.id);
    await workUntilDone();
    await sql`update public.plans set status = 'running', finished_at = null where id = ${plan.id}`;
    await sql`select public.cancel_plan(${plan.id}, 'tester')`;
    await subscribers.move(removed.endpointId, 'removed');
    const keepTwo = async () => {
      const [row] =
        await sql`select public.keep_subscribers(30, 2) - '{paused,removed,woken}'::text[] as answer`;
      return row?.['answer'] as object;
    };
    expect(await keepTwo()).toEqual({ cancelled: 4, expired: 0, more: true });
    expect(await keepTwo()).toEqual({ cancelled: 2, expired: 0, more: true });
    expect(await keepTwo()).toEqual({ cancelled: 0, expired: 0, more: false });
  });
});

describe('a start in the past', () => {
  it('brings every event once: those of before, those during the change-over, and those after it', async () => {
    const { sql } = database;
    const { reportId } = await createReport(sql);
    const other = await createReport(sql);
    // Somebody has subscribed before, as a settings revision must be there for effects to name.
    await subscribers.active();
    const ids = [await apply(sql, reportId)];
    const { endpointId } = await subscribers.create(
      { events: {} },
      null,
      new Date(Date.now() - 3_600_000).toISOString(),
    );
    ids.push(await apply(sql, reportId));
    await subscribers.verify(endpointId);
    // One that is under way during all of it.
    const slow = await sql.reserve();
    await slow`begin`;
    ids.push(await apply(slow, other.reportId));
    const due = () => sql`update public.plans set next_slice_at = now() where status = 'running'`;
    await due();
    await work();
    ids.push(await apply(sql, reportId));
    await slow`commit`;
    slow.release();
    await due();
    // Slow again, from before the change-over to its end.
    const slower = await sql.reserve();
    await slower`begin`;
    await slower`select pg_current_xact_id()`;
    const third = await createReport(sql);
    ids.push(await apply(slower, third.reportId));
    await slower`commit`;
    slower.release();
    for (let turn = 0; turn < 5; turn += 1) {
      await due();
      await work();
      ids.push(await apply(sql, reportId));
    }
    // A transaction in any database of this server holds it up.
    await workUntilDone();
    const [plan] = await sql`select status from public.plans where filter ->> 'endpoint_id' = ${endpointId}`;
    expect(plan).toMatchObject({ status: 'done' });
    ids.push(await apply(sql, reportId));
    const mine = await sql`
      select event_id, count(*)::int as times from public.webhook_deliveries
      where endpoint_id = ${endpointId} and event_id = any (${ids}) group by event_id`;
    expect(new Map(mine.map(({ event_id, times }) => [event_id as string, times as number]))).toEqual(
      new Map(ids.map((id) => [id, 1])),
    );
    // The last one is live again.
    const rows = await subscribers.deliveries(endpointId);
    expect(rows.find((row) => row['event_id'] === ids.at(-1))).toMatchObject({ plan: 0 });
  });

  it.each(['cancelled', 'failed'])(
    'that is %s lets the subscriber hear of events from now on',
    async (end) => {
      const { sql } = database;
      const { endpointId } = await subscribers.create(
        {},
        null,
        new Date(Date.now() - 3_600_000).toISOString(),
      );
      await subscribers.verify(endpointId);
      const { reportId } = await createReport(sql);
      await apply(sql, reportId);
      const [plan] = await sql`
      update public.plans set faults = 4, next_slice_at = now() where filter ->> 'endpoint_id' = ${endpointId} returning id`;
      const planId = plan?.['id'] as number;
      if (end === 'cancelled') {
        await sql`select public.cancel_plan(${planId}, 'tester')`;
      } else {
        await sql`update public.plans set filter = filter || '{"from": "nonsense"}', applied_at = now(), applied_xid = '1' where id = ${planId}`;
        await work();
      }
      expect(await planOf(planId)).toMatchObject({ status: end });
      const after = await apply(sql, reportId);
      const rows = await subscribers.deliveries(endpointId);
      expect(rows.map((row) => row['event_id'] as string)).toEqual([after]);
    },
  );

  it('waits for an effect that began after the slice that switches over, and before its commit', async () => {
    const { sql } = database;
    const { endpointId } = await subscribers.create({}, null, new Date(Date.now() - 3_600_000).toISOString());
    await subscribers.verify(endpointId);
    const { reportId } = await createReport(sql);
    const isSwitched = async (on: postgres.ISql) => {
      const [plan] = await on`
        select position -> 'revision' is not null as switched from public.plans where filter ->> 'endpoint_id' = ${endpointId}`;
      return plan?.['switched'] === true;
    };
    const due = (on: postgres.ISql) =>
      on`update public.plans set next_slice_at = now() where status = 'running'`;
    const slice = await sql.reserve();
    const effect = await sql.reserve();
    let late: string | undefined;
    // Other tests hold its horizon back: until a slice switches over, each is a transaction with an effect inside it.
    for (let tries = 0; late === undefined && tries < 100; tries += 1) {
      await slice`begin`;
      await due(slice);
      await effect`begin`;
      const id = await apply(effect, reportId);
      await slice`select public.work_plan(100)`;
      if (await isSwitched(slice)) late = id;
      else await effect`rollback`;
      await slice`commit`;
      if (late === undefined) await sleep(20);
    }
    for (let turn = 0; turn < 5; turn += 1) {
      await due(sql);
      await work();
    }
    await effect`commit`;
    slice.release();
    effect.release();
    await workUntilDone();
    const rows = await subscribers.deliveries(endpointId);
    expect(rows.filter((row) => row['event_id'] === late)).toHaveLength(1);
  });
});

describe('reading', () => {
  it('answers what is sent, page after page, and nothing may come before the cursor any more', async () => {
    const { sql } = database;
    const { endpointId, token } = await subscribers.active();
    const { reportId } = await createReport(sql);
    const other = await createReport(sql);
    const slow = await sql.reserve();
    await slow`begin`;
    const hidden = await apply(slow, other.reportId);
    const visible = [await apply(sql, reportId), await apply(sql, reportId)];
    // A transaction that runs may still bring an event of before.
    const early = await subscribers.read(token);
    expect(early).toMatchObject({ outcome: 'read', events: [], has_more: false });
    await slow`commit`;
    slow.release();
    const seen: string[] = [];
    let after: postgres.JSONValue = early.next;
    // Transactions of other tests hold it back too.
    for (let tries = 0; tries < 400 && seen.length < 3; tries += 1) {
      const page = await subscribers.read(token, after, 1);
      seen.push(...page.events.map(({ id }) => id));
      after = page.next;
      if (page.events.length === 0) await sleep(50);
    }
    expect(await subscribers.read(token, after, 1)).toMatchObject({ events: [], has_more: false });
    expect(seen).toEqual([hidden, ...visible]);
    const [held] = await subscribers.claimEvent(hidden);
    const page = await subscribers.read(token, null, 1);
    expect(page.events[0]?.body).toBe(held?.body);
    await subscribers.move(endpointId, 'removed');
    expect(await subscribers.read(token)).toMatchObject({ outcome: 'invalid_token' });
  });

  it('says of what was erased that it is gone', async () => {
    const { sql } = database;
    const { token } = await subscribers.active();
    const { reportId } = await createReport(sql);
    const first = await apply(sql, reportId);
    await apply(sql, reportId);
    await sql`select private.forget_event(${first})`;
    await expect.poll(async () => (await subscribers.read(token)).events.length, { timeout: 10_000 }).toBe(2);
    const { events } = await subscribers.read(token);
    expect(events).toMatchObject([{ id: first, body: null, gone: 'content_erased' }, { gone: null }]);
  });
});
