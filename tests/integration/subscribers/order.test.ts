import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createReport, createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { untilSomebodyWaits } from '../../support/locks.ts';
import { storeClient } from '../../support/store.ts';
import { subscriberClient, type HeldOutward } from '../../support/subscribers.ts';

let database: TestDatabase;
let store: ReturnType<typeof storeClient>;
let subscribers: ReturnType<typeof subscriberClient>;
beforeAll(async () => {
  database = await createTestDatabase();
  store = storeClient(database.sql);
  subscribers = subscriberClient(database.sql);
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});
beforeEach(async () => {
  const open = await database.sql`select endpoint_id from private.subscribers where state <> 'removed'`;
  for (const { endpoint_id } of open) await subscribers.move(endpoint_id as string, 'removed');
  await subscribers.keep();
});

/** So many events of one report, applied one after the other. */
async function events(reportId: string, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let number = 0; number < count; number += 1) {
    const id = `evt_${randomUUID()}`;
    const now = new Date().toISOString();
    const data = {
      job_id: `job_${randomUUID()}`,
      report_id: reportId,
      report_type: 'org',
      research_status: 'completed',
      research_report: `text ${number}`,
      requested_at: now,
    };
    await store.apply(id, { type: 'report.prelim.completed', timestamp: now, data }, 'prelim-report');
    ids.push(id);
  }
  return ids;
}

async function claimed(): Promise<HeldOutward> {
  const { delivery } = await subscribers.claim();
  if (delivery === null) throw new Error('nothing was claimed');
  return delivery;
}

describe('the order of a report', () => {
  it('holds back what comes later until the one before it has ended, and lets other reports pass', async () => {
    const { sql } = database;
    await subscribers.active();
    const { reportId } = await createReport(sql);
    const [first, second, third] = await events(reportId, 3);
    const other = await createReport(sql);
    const [passes] = await events(other.reportId, 1);
    const head = await claimed();
    expect(head.event_id).toBe(first);
    expect((await claimed()).event_id).toBe(passes);
    expect((await subscribers.claim()).delivery).toBeNull();
    await subscribers.record(head, 'failed', 400);
    // It waits for its slot, and the others for it.
    expect((await subscribers.claim()).delivery).toBeNull();
    await sql`update public.webhook_deliveries set next_attempt = now() where id = ${head.delivery_id}`;
    const again = await claimed();
    expect(again.event_id).toBe(first);
    await subscribers.record(again, 'delivered');
    const next = await claimed();
    expect(next.event_id).toBe(second);
    await subscribers.record(next, 'delivered');
    expect((await claimed()).event_id).toBe(third);
  });

  it('goes on when the one before it is a dead letter; redriven, that one is no first delivery any more', async () => {
    const { sql } = database;
    await subscribers.active();
    const { reportId } = await createReport(sql);
    const [first, second] = await events(reportId, 2);
    let head = await claimed();
    expect((await subscribers.claim()).delivery).toBeNull();
    for (let round = 1; round <= 7; round += 1) {
      const { dead } = await subscribers.record(head, 'failed', 400);
      expect(dead).toBe(round === 7);
      if (!dead) {
        await sql`update public.webhook_deliveries set next_attempt = now() where id = ${head.delivery_id}`;
        head = await claimed();
      }
    }
    const next = await claimed();
    expect(next.event_id).toBe(second);
    await store.redrive({ event_ids: [first ?? ''] });
    expect(await claimed()).toMatchObject({ event_id: first, subscriber: { redriven: true, position: 1 } });
    await subscribers.record(next, 'delivered');
  });

  it('survives a holder that dies: what waits is woken with the sweep', async () => {
    const { sql } = database;
    await subscribers.active();
    const { reportId } = await createReport(sql);
    const [, second] = await events(reportId, 2);
    const head = await claimed();
    expect((await subscribers.claim()).delivery).toBeNull();
    // The deletion of its report ends a delivery whose sender then dies.
    await sql`delete from public.org_reports where id = ${reportId}`;
    await store.erase();
    expect((await subscribers.claim()).delivery).toBeNull();
    await sql`update public.webhook_deliveries set lease_expires_at = now() - interval '1 second' where id = ${head.delivery_id}`;
    await subscribers.keep();
    const deletion = await claimed();
    expect(JSON.parse(deletion.body)).toMatchObject({ type: 'report.deleted' });
    expect(second).toBeDefined();
  });

  it('wakes by the sweep what its predecessor could not wake, since it was locked', async () => {
    const { sql } = database;
    await subscribers.active();
    const { reportId } = await createReport(sql);
    const [, second] = await events(reportId, 2);
    const head = await claimed();
    expect((await subscribers.claim()).delivery).toBeNull();
    const connection = await sql.reserve();
    try {
      await connection`begin`;
      await connection`select from public.webhook_deliveries where event_id = ${second ?? ''} and position is not null for update`;
      await subscribers.record(head, 'delivered');
    } finally {
      await connection`rollback`;
      connection.release();
    }
    expect((await subscribers.claim()).delivery).toBeNull();
    expect(await subscribers.keep()).toMatchObject({ woken: 1 });
    expect((await claimed()).event_id).toBe(second);
  });

  it('of many claims at once never gives two of a report', async () => {
    const { sql } = database;
    await subscribers.active();
    const reports = await Promise.all(Array.from({ length: 3 }, () => createReport(sql)));
    await Promise.all(reports.map(({ reportId }) => events(reportId, 6)));
    const seen = new Map<string, number[]>();
    const inFlight = new Set<string>();
    const work = async () => {
      for (let empty = 0; empty < 20;) {
        const { delivery } = await subscribers.claim();
        if (delivery === null) {
          empty += 1;
          await new Promise((resolve) => setTimeout(resolve, 5));
          continue;
        }
        const { data } = JSON.parse(delivery.body) as { data: { report_id: string; position: number } };
        expect(inFlight.has(data.report_id)).toBe(false);
        inFlight.add(data.report_id);
        seen.set(data.report_id, [...(seen.get(data.report_id) ?? []), data.position]);
        await new Promise((resolve) => setTimeout(resolve, 2));
        inFlight.delete(data.report_id);
        await subscribers.record(delivery, 'delivered');
      }
    };
    await Promise.all(Array.from({ length: 6 }, work));
    expect([...seen.values()]).toEqual(Array.from({ length: 3 }, () => [1, 2, 3, 4, 5, 6]));
  });
});

describe('a subscriber that wants the latest only', () => {
  it('is sent the newest one; what it overtakes is closed as superseded', async () => {
    const { endpointId } = await subscribers.active({ mode: 'latest' });
    const { reportId } = await createReport(database.sql);
    const [, , third] = await events(reportId, 3);
    const only = await claimed();
    expect(only.event_id).toBe(third);
    await subscribers.record(only, 'delivered');
    expect((await subscribers.claim()).delivery).toBeNull();
    expect((await subscribers.deliveries(endpointId)).map(({ status }) => status as string)).toEqual([
      'superseded',
      'superseded',
      'success',
    ]);
  });

  it('closes of a long backlog only so many in one call, and goes on with the next', async () => {
    const { endpointId } = await subscribers.active({ mode: 'latest' });
    const { reportId } = await createReport(database.sql);
    const ids = await events(reportId, 230);
    const first = await subscribers.claim();
    expect(first).toMatchObject({ delivery: null, waiting: true });
    const rows = await subscribers.deliveries(endpointId);
    const closed = rows.filter((row) => row['status'] === 'superseded').length;
    expect(closed).toBeGreaterThanOrEqual(200);
    expect(closed).toBeLessThan(229);
    expect((await claimed()).event_id).toBe(ids.at(-1));
  });

  it('does not lose the newest behind one that is under way', async () => {
    await subscribers.active({ mode: 'latest' });
    const { reportId } = await createReport(database.sql);
    await events(reportId, 1);
    const first = await claimed();
    const [, third] = await events(reportId, 2);
    expect((await subscribers.claim()).delivery).toBeNull();
    await subscribers.record(first, 'delivered');
    expect((await claimed()).event_id).toBe(third);
  });
});

describe('priorities', () => {
  it('send first deliveries before retries before replays, and our own endpoints before all', async () => {
    const { sql } = database;
    const { endpointId } = await subscribers.active();
    const [replayed] = await events((await createReport(sql)).reportId, 1);
    const [retried] = await events((await createReport(sql)).reportId, 1);
    await sql`update public.webhook_deliveries set plan = 1 where event_id = ${replayed ?? ''} and endpoint_id = ${endpointId}`;
    await sql`update public.webhook_deliveries set rounds = 1 where event_id = ${retried ?? ''} and endpoint_id = ${endpointId}`;
    const [first] = await events((await createReport(sql)).reportId, 1);
    const own = await createReport(sql);
    const { run } = await store.request(own.reportId);
    const { delivery } = await store.complete(run.job_id, run.lease_token);
    await sql`update public.webhook_deliveries set lease_expires_at = null where event_id = ${delivery?.event_id ?? ''}`;
    const order: string[] = [];
    for (let turn = 0; turn < 4; turn += 1) order.push((await claimed()).event_id);
    expect(order).toEqual([delivery?.event_id, first, retried, replayed]);
    await sql`update public.webhook_deliveries set plan = 0 where event_id = ${replayed ?? ''} and endpoint_id = ${endpointId}`;
  });

  it('give each subscriber its turn, whatever waits for another', async () => {
    const { sql } = database;
    const busy = await subscribers.active();
    for (let number = 0; number < 4; number += 1) await events((await createReport(sql)).reportId, 1);
    const quiet = await subscribers.active();
    await events((await createReport(sql)).reportId, 1);
    const turns = [await claimed(), await claimed()].map(({ endpoint_id }) => endpoint_id);
    expect(new Set(turns)).toEqual(new Set([busy.endpointId, quiet.endpointId]));
  });
});

describe('gentleness', () => {
  it('lets at most two senders wait for one that does not answer', async () => {
    const { sql } = database;
    const { endpointId } = await subscribers.active();
    for (let number = 0; number < 5; number += 1) await events((await createReport(sql)).reportId, 1);
    await claimed();
    await claimed();
    await sql`update public.webhook_deliveries set claimed_at = now() - interval '5 seconds' where endpoint_id = ${endpointId} and lease_expires_at is not null`;
    expect(await subscribers.claim()).toMatchObject({ delivery: null, waiting: true });
  });

  it('halves the number in flight after a time-out, and doubles it with the time that passes', async () => {
    const { sql } = database;
    const { endpointId } = await subscribers.active();
    const allowed = async () => {
      const [row] = await sql`
        select private.in_flight_allowed(in_flight_limit, limited_at) as allowed from private.subscribers where endpoint_id = ${endpointId}`;
      return row?.['allowed'] as number;
    };
    expect(await allowed()).toBe(16);
    for (const expected of [8, 4]) {
      await events((await createReport(sql)).reportId, 1);
      await subscribers.record(await claimed(), 'unknown', null);
      const [halved] =
        await sql`select in_flight_limit from private.subscribers where endpoint_id = ${endpointId}`;
      expect(halved?.['in_flight_limit']).toBeGreaterThanOrEqual(expected);
      expect(halved?.['in_flight_limit']).toBeLessThan(expected * 2);
    }
    await sql`update private.subscribers set limited_at = limited_at - interval '1 minute' where endpoint_id = ${endpointId}`;
    expect(await allowed()).toBe(16);
  });

  it('sends no more a second than its rate, and loses nothing', async () => {
    const { sql } = database;
    const { endpointId } = await subscribers.active({ rate_per_second: 2 });
    for (let number = 0; number < 4; number += 1) await events((await createReport(sql)).reportId, 1);
    // In one transaction, whose now() stands still.
    await sql.begin(async (transaction) => {
      const client = subscriberClient(transaction);
      for (let sent = 0; sent < 2; sent += 1) {
        const { delivery } = await client.claim();
        if (delivery === null) throw new Error('nothing was claimed');
        await client.record(delivery, 'delivered');
      }
      expect(await client.claim()).toMatchObject({ delivery: null, waiting: true });
    });
    // A second is what the rate is about.
    await expect
      .poll(async () => (await subscribers.claim()).delivery, { timeout: 5000, interval: 200 })
      .not.toBeNull();
    const rows = await subscribers.deliveries(endpointId);
    expect(rows.filter(({ rounds }) => rounds !== 0)).toEqual([]);
  });
});

describe('an unavailable subscriber', () => {
  it('costs no delivery a slot while its circuit is open, and loses nothing', async () => {
    const { sql } = database;
    const { endpointId } = await subscribers.active();
    await events((await createReport(sql)).reportId, 1);
    await sql`update public.webhook_circuits set opened_at = now(), probe_after = now() where endpoint_id = ${endpointId}`;
    for (let probe = 0; probe < 12; probe += 1) {
      await sql`update public.webhook_circuits set probe_after = now() where endpoint_id = ${endpointId}`;
      await subscribers.record(await claimed(), 'failed', 503);
    }
    expect(await subscribers.deliveries(endpointId)).toMatchObject([
      { attempts: 12, rounds: 0, dead_reason: null },
    ]);
  });

  it('is paused at once by 410, hears everything after it is resumed, and slowly at first', async () => {
    const { sql } = database;
    const { endpointId } = await subscribers.active();
    const { reportId } = await createReport(sql);
    await events(reportId, 1);
    await subscribers.record(await claimed(), 'failed', 410);
    const [state] =
      await sql`select state, state_reason from private.subscribers where endpoint_id = ${endpointId}`;
    expect(state).toEqual({ state: 'paused', state_reason: 'gone' });
    await events(reportId, 1);
    await events((await createReport(sql)).reportId, 1);
    expect(await subscribers.claim()).toMatchObject({ delivery: null });
    await subscribers.move(endpointId, 'active');
    // What failed last waits half a minute.
    await sql`
      update public.webhook_deliveries set next_attempt = created_at where endpoint_id = ${endpointId} and attempts = 1`;
    const first = await claimed();
    expect(first.subscriber.position).toBe(1);
    // One in flight.
    expect(await subscribers.claim()).toMatchObject({ delivery: null, waiting: true });
    await subscribers.record(first, 'delivered');
    expect((await claimed()).subscriber.position).toBe(2);
  });

  it('is not paused by 410 of a URL that it no longer has', async () => {
    const { sql } = database;
    const { endpointId } = await subscribers.active({ url: 'https://old.example.com/in?key=a' });
    await events((await createReport(sql)).reportId, 1);
    const held = await claimed();
    await subscribers.change(endpointId, { url: 'https://new.example.com/in?key=a' });
    await subscribers.verify(endpointId);
    const state = async () => {
      const [row] = await sql`
        select state, failing_since, in_flight_limit from private.subscribers where endpoint_id = ${endpointId}`;
      return row;
    };
    const before = await state();
    expect(before).toMatchObject({ state: 'active', failing_since: null });
    await subscribers.record(held, 'failed', 410, 'https://old.example.com/in?…');
    expect(await state()).toEqual(before);

    await sql`update public.webhook_deliveries set next_attempt = created_at where endpoint_id = ${endpointId}`;
    await subscribers.record(await claimed(), 'failed', 410, 'https://new.example.com/in?…');
    expect(await state()).toMatchObject({ state: 'paused' });
  });

  it('is paused after five days without a success, and what waits for 30 days is a dead letter', async () => {
    const { sql } = database;
    const { endpointId } = await subscribers.active();
    await events((await createReport(sql)).reportId, 1);
    await subscribers.record(await claimed(), 'failed', 500);
    await sql`update private.subscribers set failing_since = now() - interval '4 days' where endpoint_id = ${endpointId}`;
    expect(await subscribers.keep()).toMatchObject({ paused: 0 });
    await sql`update private.subscribers set failing_since = now() - interval '6 days' where endpoint_id = ${endpointId}`;
    expect(await subscribers.keep()).toMatchObject({ paused: 1 });
    const old = (days: number) => sql`
      update public.webhook_deliveries set created_at = now() - make_interval(days => ${days}),
        next_attempt = now() - make_interval(days => ${days}) where endpoint_id = ${endpointId}`;
    await old(29);
    expect(await subscribers.keep()).toMatchObject({ expired: 0 });
    await old(31);
    expect(await subscribers.keep()).toMatchObject({ expired: 1 });
    expect(await subscribers.deliveries(endpointId)).toMatchObject([
      { status: 'failed', dead_reason: 'pause_expired' },
    ]);
  });

  it('is resumed while a round is recorded, without a deadlock', async () => {
    const { sql } = database;
    const { endpointId } = await subscribers.active();
    await events((await createReport(sql)).reportId, 1);
    const held = await claimed();
    await sql`
      update public.webhook_circuits set opened_at = now(), probe_after = now(), probe_delivery_id = ${held.delivery_id},
        probe_token = ${held.delivery_token}, probe_lease_expires_at = now() + interval '1 minute'
      where endpoint_id = ${endpointId}`;
    await subscribers.move(endpointId, 'paused');
    // The record has the circuit and asks for the subscriber, which somebody else holds as the resume comes.
    const blocker = await sql.reserve();
    await blocker`begin`;
    await blocker`select from private.subscribers where endpoint_id = ${endpointId} for no key update`;
    const resumed = subscribers.move(endpointId, 'active');
    await untilSomebodyWaits(sql, 1);
    const recorded = subscribers.record(held, 'failed', 500);
    await untilSomebodyWaits(sql, 2);
    await blocker`commit`;
    blocker.release();
    expect(await resumed).toMatchObject({ outcome: 'moved' });
    expect(await recorded).toMatchObject({ dead: false });
  });

  it('that passes its check at the last moment is not removed', async () => {
    const { sql } = database;
    const { endpointId } = await subscribers.create();
    await sql`update private.subscribers set created_at = now() - interval '8 days' where endpoint_id = ${endpointId}`;
    const check = await sql.reserve();
    await check`begin`;
    await subscriberClient(check).verify(endpointId);
    const kept = subscribers.keep();
    await untilSomebodyWaits(sql);
    await check`commit`;
    check.release();
    expect(await kept).toMatchObject({ removed: 0 });
    expect(await sql`select state from private.subscribers where endpoint_id = ${endpointId}`).toMatchObject([
      { state: 'active' },
    ]);
  });

  it('whose URL has changed is paused until a check of the new URL passes, and loses nothing', async () => {
    const { sql } = database;
    const { endpointId } = await subscribers.active();
    const other = 'https://other.example.org/polaris';
    const state = async () => {
      const [row] =
        await sql`select state, state_reason from private.subscribers where endpoint_id = ${endpointId}`;
      return row;
    };
    const check = () =>
      sql`select (public.begin_endpoint_check(${endpointId}, ${randomUUID()}, 'tester') ->> 'check_id')::bigint as id`;
    const [ofTheOld] = await check();
    await subscribers.change(endpointId, { url: other });
    expect(await state()).toEqual({ state: 'paused', state_reason: 'address_changed' });
    const [id] = await events((await createReport(sql)).reportId, 1);
    expect(await subscribers.claim()).toMatchObject({ delivery: null });
    // Neither a person nor a check that began with the previous URL resumes it.
    expect(await subscribers.move(endpointId, 'active')).toEqual({ outcome: 'endpoint_unverified' });
    await sql`select public.record_endpoint_check(${ofTheOld?.['id'] as string}, true, '[]')`;
    expect(await state()).toMatchObject({ state: 'paused' });
    const [ofTheNew] = await check();
    await sql`select public.record_endpoint_check(${ofTheNew?.['id'] as string}, true, '[]')`;
    expect(await state()).toEqual({ state: 'active', state_reason: null });
    expect((await claimed()).event_id).toBe(id);
  });

  it('never verified, is removed after seven days', async () => {
    const { sql } = database;
    const { endpointId } = await subscribers.create();
    expect(await subscribers.keep()).toMatchObject({ removed: 0 });
    await sql`update private.subscribers set created_at = now() - interval '8 days' where endpoint_id = ${endpointId}`;
    expect(await subscribers.keep()).toMatchObject({ removed: 1 });
    const [row] =
      await sql`select state, state_reason from private.subscribers where endpoint_id = ${endpointId}`;
    expect(row).toEqual({ state: 'removed', state_reason: 'never_verified' });
    expect(await sql`select from private.endpoint_secrets where endpoint_id = ${endpointId}`).toHaveLength(0);
  });
});
