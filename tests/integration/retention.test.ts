import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createReport, createTestDatabase, type TestDatabase } from '../support/database.ts';
import { asUser } from '../support/locks.ts';
import { storeClient } from '../support/store.ts';
import { subscriberClient } from '../support/subscribers.ts';

let database: TestDatabase;
let store: ReturnType<typeof storeClient>;
beforeAll(async () => {
  database = await createTestDatabase();
  store = storeClient(database.sql);
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});

/** As if all this had happened so many days ago. */
async function age(days: number): Promise<void> {
  const { sql } = database;
  const past = sql`interval '1 day' * ${days}`;
  await sql`alter table public.webhook_audit disable trigger keep_audit`;
  await sql`update public.webhook_audit set created_at = created_at - ${past}`;
  await sql`alter table public.webhook_audit enable trigger keep_audit`;
  await sql`alter table public.report_events disable trigger keep_event`;
  await sql`update public.report_events set 
      created_at = created_at - ${past}, requested_at = requested_at - ${past}, applied_at = applied_at - ${past}`;
  await sql`update public.webhook_deliveries set last_attempt = last_attempt - ${past}`;
  await sql`update private.report_contents set lost_at = lost_at - ${past}`;
  await sql`alter table public.report_events enable trigger keep_event`;
  await sql`update private.job_runs set completed_at = completed_at - ${past}, created_at = created_at - ${past}`;
}

async function sendEvent(reportId: string, text: string, requestedAt: string, id = randomUUID()) {
  const envelope = {
    type: 'report.prelim.completed',
    timestamp: requestedAt,
    data: {
      job_id: `job-${id}`,
      report_id: reportId,
      report_type: 'org',
      research_report: text,
      research_status: 'completed',
    },
  };
  const { outcome } = await store.apply(id, envelope);
  return { id, outcome };
}

describe('retention', () => {
  it('removes old audit rows, in batches, and never those of what has not arrived', async () => {
    const { sql } = database;
    const { reportId } = await createReport(sql);
    const arrived = await sendEvent(reportId, 'arrived', '2026-01-01T00:00:00Z');
    const { run } = await store.request(reportId);
    const { delivery } = await store.complete(run.job_id, run.lease_token);
    if (delivery === undefined) throw new Error('nothing to send');
    await store.record(delivery, 'refused');
    await age(89);
    expect(await store.prune()).toMatchObject({ audit: 0 });
    await age(2);
    await sendEvent(reportId, 'arrived', '2026-01-01T00:00:00Z', arrived.id);
    expect(await store.prune(1)).toMatchObject({ audit: 1 });
    expect(await store.prune()).toMatchObject({ audit: 0 });
    const left = await sql`select event_id, outcome from public.webhook_audit order by created_at`;
    expect([...left]).toEqual([
      { event_id: delivery.event_id, outcome: 'refused' },
      { event_id: arrived.id, outcome: 'duplicate' },
    ]);
  });

  it('keeps id and order of a superseded event, so that its id cannot be used again', async () => {
    const { sql } = database;
    const { reportId } = await createReport(sql);
    await sendEvent(reportId, 'newer', '2026-02-02T00:00:00Z');
    const old = await sendEvent(reportId, 'older', '2026-02-01T00:00:00Z');
    expect(old.outcome).toBe('superseded');
    await age(31);
    expect(await store.prune()).toMatchObject({ payloads: 1 });
    const [tombstone] = await sql`
      select event.digest, event.effect, event.erased_at is not null as erased, content.event_id as content
      from public.report_events event
      left join private.report_contents content on content.event_id = event.id
      where event.id = ${old.id}`;
    expect(tombstone).toEqual({
      erased: true,
      content: null,
      digest: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      effect: 'superseded',
    });
    expect((await sendEvent(reportId, 'older', '2026-02-01T00:00:00Z', old.id)).outcome).toBe('duplicate');
    expect((await sendEvent(reportId, 'another', '2026-02-01T00:00:00Z', old.id)).outcome).toBe('duplicate');
    const [report] = await sql`select research_report from public.org_reports where id = ${reportId}`;
    expect(report).toEqual({ research_report: 'newer' });
  });

  it('counts from when a result lost, not from when it came', async () => {
    const { sql } = database;
    const { reportId } = await createReport(sql);
    const first = await sendEvent(reportId, 'first', '2026-03-01T00:00:00Z');
    await age(400);
    expect(await store.prune()).toMatchObject({ payloads: 0 });
    await sendEvent(reportId, 'second', new Date().toISOString());
    await age(29);
    expect(await store.prune()).toMatchObject({ payloads: 0 });
    await age(2);
    expect(await store.prune()).toMatchObject({ payloads: 1 });
    const [event] = await sql`
      select effect, erased_at is not null as erased from public.report_events where id = ${first.id}`;
    expect(event).toEqual({ effect: 'applied', erased: true });
    const [report] = await sql`select research_report from public.org_reports where id = ${reportId}`;
    expect(report).toEqual({ research_report: 'second' });
  });

  it('keeps content that lost for a paused subscriber, PAUSE_MAX_DAYS at most', async () => {
    const { sql } = database;
    const subscribers = subscriberClient(sql);
    const { endpointId } = await subscribers.active({ events: { superseded: true } });
    await subscribers.move(endpointId, 'paused');
    const { reportId } = await createReport(sql);
    await sendEvent(reportId, 'newer', '2026-01-01T00:10:00Z');
    const lost = await sendEvent(reportId, 'older', '2026-01-01T00:00:00Z');
    expect(lost.outcome).toBe('superseded');
    const prune = async (days: number | null) => {
      const [row] = await (days === null
        ? sql`select (public.prune_expired(90, 1, 60, 100) ->> 'payloads')::int as payloads`
        : sql`select (public.prune_expired(90, 1, 60, 100, null, ${days}) ->> 'payloads')::int as payloads`);
      return row?.['payloads'] as number;
    };
    await age(45);
    expect(await prune(60)).toBe(0);
    await age(16);
    expect(await prune(60)).toBe(1);
    const [delivery] = await sql`
      select status from public.webhook_deliveries where event_id = ${lost.id} and endpoint_id = ${endpointId}`;
    expect(delivery).toEqual({ status: 'cancelled' });
    await subscribers.move(endpointId, 'removed');
    await subscribers.keep();
    expect(await prune(null)).toBe(0);
  });

  it('removes old checks of subscribers, and keeps the last one of each', async () => {
    const { sql } = database;
    const subscribers = subscriberClient(sql);
    const { endpointId } = await subscribers.active();
    await subscribers.verify(endpointId);
    await sql`update private.endpoint_checks set created_at = now() - interval '91 days' where endpoint_id = ${endpointId}`;
    const { endpointId: young } = await subscribers.active();
    await subscribers.verify(young);
    const [answer] = await sql`select public.prune_expired(90, 30, 60, 100) as answer`;
    expect(answer?.['answer']).toMatchObject({ checks: 1 });
    const left = await sql`
      select endpoint_id, count(*)::int from private.endpoint_checks where endpoint_id in (${endpointId}, ${young})
      group by 1`;
    expect(Object.fromEntries(left.map((row) => [row['endpoint_id'], row['count']]))).toEqual({
      [endpointId]: 1,
      [young]: 2,
    });
    for (const id of [endpointId, young]) await subscribers.move(id, 'removed');
  });

  it('keeps content that lost while its delivery is open, for 30 days at most, and closes that then', async () => {
    const { sql } = database;
    const { reportId } = await createReport(sql);
    const late = await store.request(reportId);
    await sendEvent(reportId, 'newer', new Date().toISOString());
    const { delivery } = await store.complete(late.run.job_id, late.run.lease_token);
    if (delivery === undefined) throw new Error('nothing to send');
    const echo = [{ status: 500, duration_ms: 5, authentic: false, response: 'an echo', error: 'another' }];
    await store.record(delivery, 'failed', echo);
    const prune = async () => {
      const [row] = await sql`select (public.prune_expired(90, 1, 60, 100) ->> 'payloads')::int as payloads`;
      return row?.['payloads'] as number;
    };
    await age(29);
    expect(await prune()).toBe(0);
    // Another transaction holds the report, whose columns show the delivery.
    await age(2);
    await sql.begin(async (holder) => {
      await holder`select from public.org_reports where id = ${reportId} for update`;
      expect(await prune()).toBe(0);
    });
    expect(await prune()).toBe(1);
    const [row] = await sql`
      select delivery.status, delivery.dead_reason, delivery.response, report.webhook_status, report.webhook_response,
        report.research_report
      from public.webhook_deliveries delivery join public.org_reports report on report.id = delivery.report_id
      where delivery.id = ${delivery.delivery_id}`;
    expect(row).toEqual({
      status: 'failed',
      dead_reason: 'content_erased',
      response: {},
      webhook_status: 'failed',
      webhook_response: {},
      research_report: 'newer',
    });
    const [retry] = await sql`select public.claim_report_delivery('org', ${reportId}, 30) as answer`;
    expect(retry).toEqual({ answer: { outcome: 'delivery_closed' } });
    expect(await store.redrive({ event_ids: [delivery.event_id] })).toBe(0);
    expect(await store.claim()).toBeNull();
  });

  it('ends the deliveries of a folded edit as superseded, also where a sender held one of them at the edit', async () => {
    const { sql } = database;
    const subscribers = subscriberClient(sql);
    const { endpointId } = await subscribers.active();
    const { reportId, userId } = await createReport(sql);
    const edit = (text: string) =>
      asUser(
        sql,
        userId,
        (owner) => owner`update public.org_reports set research_report = ${text} where id = ${reportId}`,
      );
    await edit('first');
    await sql.begin(async (sender) => {
      await sender`select from public.webhook_deliveries where report_id = ${reportId} for update`;
      await edit('second');
    });
    expect(await subscribers.deliveries(endpointId)).toMatchObject([
      { position: '1', status: 'pending' },
      { position: '2', status: 'pending' },
    ]);
    await sql`select public.prune_expired(90, 30, 60, 100)`;
    expect(await subscribers.deliveries(endpointId)).toMatchObject([
      { position: '1', status: 'superseded' },
      { position: '2', status: 'pending' },
    ]);
    await subscribers.move(endpointId, 'removed');
  });

  it('removes finished jobs, but for those whose result has not arrived or which alone say how a report stands', async () => {
    const { sql } = database;
    const { reportId } = await createReport(sql);
    const done = await store.request(reportId);
    const completed = await store.complete(done.run.job_id, done.run.lease_token);
    if (completed.delivery === undefined) throw new Error('nothing to send');
    await store.record(completed.delivery, 'delivered', [{ status: 200, authentic: true }]);
    const dead = await store.request(reportId);
    const refused = await store.complete(dead.run.job_id, dead.run.lease_token, 'refused');
    if (refused.delivery === undefined) throw new Error('nothing to send');
    await store.record(refused.delivery, 'refused');
    const unfinished = await store.request(reportId);
    await age(61);
    await store.prune();
    const left =
      await sql`select job_id from private.job_runs where report_id = ${reportId} order by created_at`;
    expect(left.map((row) => row['job_id'] as string)).toEqual([dead.job.job_id, unfinished.job.job_id]);
    // The same result from a sender who knows nothing of that.
    const [event] =
      await sql`select count(*)::int as events from public.report_events where job_id = ${done.job.job_id}`;
    expect(event).toEqual({ events: 1 });
  });

  it('looks once at each row that it keeps, and goes on behind it', async () => {
    const { sql } = database;
    const { reportId } = await createReport(sql);
    // Of each kind two that stay, then two that go: the dead letter of a result that its report shows keeps its job and its
    // audit. The others lose to the newest request, whose result comes first.
    const requests = [];
    for (let n = 0; n < 5; n += 1) {
      const of = n === 0 || n === 1 ? (await createReport(sql)).reportId : reportId;
      requests.push((await store.request(of)).run);
    }
    const ids = { kept: [] as string[], gone: [] as string[] };
    for (const [n, run] of [requests.slice(4), requests.slice(0, 4)].flat().entries()) {
      const { delivery } = await store.complete(run.job_id, run.lease_token);
      if (delivery === undefined) throw new Error('nothing to send');
      if (n === 1 || n === 2) {
        await store.record(delivery, 'refused');
        ids.kept.push(delivery.event_id);
      } else {
        await store.send(delivery);
        await store.record(delivery, 'delivered', [{ status: 200, authentic: true }]);
        if (n > 0) ids.gone.push(delivery.event_id);
      }
    }
    await age(91);
    let after: Awaited<ReturnType<typeof store.prune>>['after'] = null;
    const pruned = { audit: 0, payloads: 0, jobs: 0 };
    const [{ rows } = { rows: 0 }] = await sql<{ rows: number }[]>`
      select greatest(
        (select count(*) from public.webhook_audit), (select count(*) from private.job_runs),
        (select count(*) from public.report_events))::int as rows`;
    let calls = 0;
    do {
      const answer = await store.prune(1, after);
      pruned.audit += answer.audit;
      pruned.payloads += answer.payloads;
      pruned.jobs += answer.jobs;
      after = answer.after;
      calls += 1;
      if (calls > rows + 1) throw new Error(`${calls} calls for ${rows} rows`);
    } while (after !== null);
    const left = async (table: string, column: string) =>
      (
        await sql<{ id: string }[]>`
          select distinct ${sql(column)} as id from ${sql(table)}
          where ${sql(column)} = any (${[...ids.kept, ...ids.gone]})`
      )
        .map(({ id }) => id)
        .sort();
    const kept = [...ids.kept].sort();
    expect(await left('public.webhook_audit', 'event_id')).toEqual(kept);
    expect(await left('private.report_contents', 'event_id')).toEqual(kept);
    expect(await left('private.job_runs', 'event_id')).toEqual(kept);
    expect(await store.prune()).toMatchObject({ audit: 0, payloads: 0, jobs: 0, after: null });
  });

  it('leaves a job that alone says how its report stands, and loses none to the platform’s clean-up', async () => {
    const { sql } = database;
    const { reportId } = await createReport(sql);
    await sql`
      insert into private.job_runs (job_id, report_type, report_id, stage, caller, status, created_at, completed_at)
      values ('job_of_old', 'org', ${reportId}, 'prelim', 'platform', 'failed', now() - interval '80 days',
        now() - interval '80 days')`;
    await sql`
      insert into public.report_jobs (job_id, status, expires_at)
      values ('job_of_old', 'failed', now() - interval '70 days')`;
    await sql`update public.org_reports set research_status = 'failed' where id = ${reportId}`;
    await store.prune();
    await sql`select public.cleanup_expired_report_jobs()`;
    expect(await sql`select from private.job_runs where job_id = 'job_of_old'`).toHaveLength(1);
  });

  it('is the only one that may remove', async () => {
    const { sql } = database;
    const { reportId } = await createReport(sql);
    await sendEvent(reportId, 'kept', '2026-02-03T00:00:00Z');
    const plain = [
      'delete from public.webhook_audit',
      'truncate public.webhook_audit',
      "update public.webhook_audit set outcome = 'applied'",
      'delete from public.report_events',
      'update public.report_events set erased_at = now()',
      'update private.report_contents set research_report = null',
      'delete from private.report_contents',
    ];
    for (const statement of plain)
      await expect(sql.unsafe(statement)).rejects.toMatchObject({ code: 'PL001' });
    // Nor does it leave the door open behind it.
    await expect(
      sql.begin(async (transaction) => {
        await transaction`select public.prune_expired(90, 30, 60, 10)`;
        await transaction`delete from public.webhook_audit`;
      }),
    ).rejects.toMatchObject({ code: 'PL001' });
  });
});
