import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { asUser } from '../../support/locks.ts';
import { createReport, createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { storeClient } from '../../support/store.ts';
import { subscriberClient } from '../../support/subscribers.ts';

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
  const { sql } = database;
  const open = await sql`select endpoint_id from private.subscribers where state <> 'removed'`;
  for (const { endpoint_id } of open) await subscribers.move(endpoint_id as string, 'removed');
  await subscribers.keep();
});

/** A webhook applies a completed prelim event. */
async function applied(reportId: string, stage: 'prelim' | 'final' = 'prelim', requestedAt = new Date()) {
  const id = `evt_${randomUUID()}`;
  const body = {
    type: `report.${stage}.completed`,
    timestamp: requestedAt.toISOString(),
    data: {
      job_id: `job_${randomUUID()}`,
      report_id: reportId,
      report_type: 'org',
      research_status: 'completed',
      research_report: 'text',
      research_metadata: { region: 'eu' },
      requested_at: requestedAt.toISOString(),
    },
  };
  const { outcome } = await store.apply(id, body, `${stage}-report`);
  return { id, outcome };
}

describe('an effect', () => {
  it('makes one delivery for each subscriber that takes it, on every channel', async () => {
    const { sql } = database;
    const all = await subscribers.active();
    const finals = await subscribers.active({ events: { stages: ['final'] } });
    const { reportId, userId } = await createReport(sql);
    const webhook = await applied(reportId);
    expect(webhook.outcome).toBe('applied');
    // Directly, after the webhook failed.
    const { run } = await store.request(reportId, { stage: 'final' });
    const { delivery } = await store.complete(run.job_id, run.lease_token);
    if (delivery === undefined) throw new Error('no delivery');
    expect(await subscribers.deliveries(all.endpointId)).toHaveLength(1);
    await store.record(delivery, 'failed');
    // The platform's server, and the owner.
    await sql`update public.org_reports set research_report = 'by the platform' where id = ${reportId}`;
    await asUser(
      sql,
      userId,
      (user) => user`update public.org_reports set research_report = 'by its owner' where id = ${reportId}`,
    );
    const made = await sql`
      select event.type, event.channel, delivery.position::int, delivery.format_version
      from public.webhook_deliveries delivery join public.report_events event on event.id = delivery.event_id
      where delivery.endpoint_id = ${all.endpointId} order by delivery.position`;
    expect(made).toEqual([
      { type: 'report.prelim.completed', channel: 'webhook', position: 1, format_version: 2 },
      { type: 'report.final.completed', channel: 'direct', position: 2, format_version: 2 },
      { type: 'report.final.completed', channel: 'platform', position: 3, format_version: 2 },
      { type: 'report.owner.edited', channel: 'owner', position: 4, format_version: 2 },
    ]);
    expect((await subscribers.deliveries(finals.endpointId)).map(({ position }) => Number(position))).toEqual(
      [2, 3, 4],
    );
    // A duplicate makes none.
    await store.send(delivery, 'final-report');
    expect(await subscribers.deliveries(all.endpointId)).toHaveLength(4);
  });

  it('that was superseded goes only to whom asked for it', async () => {
    const plain = await subscribers.active();
    const curious = await subscribers.active({ events: { superseded: true } });
    const { reportId } = await createReport(database.sql);
    await applied(reportId, 'final');
    const late = await applied(reportId, 'prelim', new Date(Date.now() - 60_000));
    expect(late.outcome).toBe('superseded');
    expect(await subscribers.deliveries(plain.endpointId)).toHaveLength(1);
    expect(await subscribers.deliveries(curious.endpointId)).toHaveLength(2);
  });

  it('goes to nobody who is unverified or removed, and is kept for who is paused', async () => {
    const unverified = await subscribers.create();
    const removed = await subscribers.active();
    const paused = await subscribers.active();
    await subscribers.move(removed.endpointId, 'removed');
    await subscribers.move(paused.endpointId, 'paused');
    const { reportId } = await createReport(database.sql);
    const { id } = await applied(reportId);
    expect(await subscribers.deliveries(unverified.endpointId)).toHaveLength(0);
    expect(await subscribers.deliveries(removed.endpointId)).toHaveLength(0);
    expect(await subscribers.deliveries(paused.endpointId)).toHaveLength(1);
    expect(await subscribers.claimEvent(id)).toEqual([]);
    await subscribers.move(paused.endpointId, 'active');
    expect(await subscribers.claimEvent(id)).toMatchObject([{ endpoint_id: paused.endpointId }]);
  });

  it('asks the filter, and an owner’s events go to who asked for that owner', async () => {
    const europe = await subscribers.active(
      { filter: { exact: { 'metadata.region': 'eu' } } },
      'strict $.metadata.region == "eu"',
    );
    const asia = await subscribers.active(
      { filter: { exact: { 'metadata.region': 'asia' } } },
      'strict $.metadata.region == "asia"',
    );
    const { reportId, userId } = await createReport(database.sql);
    const theirs = await subscribers.active({ events: { owner_id: userId } });
    const others = await subscribers.active({ events: { owner_id: randomUUID() } });
    await applied(reportId);
    expect(await subscribers.deliveries(europe.endpointId)).toHaveLength(1);
    expect(await subscribers.deliveries(asia.endpointId)).toHaveLength(0);
    expect(await subscribers.deliveries(theirs.endpointId)).toHaveLength(1);
    expect(await subscribers.deliveries(others.endpointId)).toHaveLength(0);
  });

  it('stands when the filters cannot be asked: no match, and each endpoint says so', async () => {
    const { sql } = database;
    const filtered = await subscribers.active(
      { filter: { exact: { 'metadata.region': 'eu' } } },
      'strict $.metadata.region == "eu"',
    );
    const plain = await subscribers.active();
    const [source] = await sql`
      select pg_get_functiondef('private.filter_document(public.report_events, jsonb)'::regprocedure) as text`;
    await sql`alter function private.filter_document(public.report_events, jsonb) rename to filter_document_gone`;
    try {
      const { reportId } = await createReport(sql);
      expect((await applied(reportId)).outcome).toBe('applied');
    } finally {
      await sql`alter function private.filter_document_gone(public.report_events, jsonb) rename to filter_document`;
    }
    expect(source).toBeDefined();
    expect(await subscribers.deliveries(filtered.endpointId)).toHaveLength(0);
    expect(await subscribers.deliveries(plain.endpointId)).toHaveLength(1);
    const [listed] =
      await sql`select public.list_endpoints(${filtered.endpointId}) -> 0 -> 'filter_fault' ->> 'error' as error`;
    expect(listed?.['error']).toContain('filter_document');
  });

  it('of a deleted report tells every subscriber to forget it, after whatever is under way', async () => {
    const { sql } = database;
    const { endpointId } = await subscribers.active();
    const { reportId } = await createReport(sql);
    const first = await applied(reportId);
    const [held] = await subscribers.claimEvent(first.id);
    if (held === undefined) throw new Error('not claimed');
    await sql`delete from public.org_reports where id = ${reportId}`;
    // Left to the sweep: deleting an account deletes thousands of reports in one statement.
    expect(await subscribers.deliveries(endpointId)).toMatchObject([
      { status: 'cancelled', event_id: first.id },
    ]);
    expect(await sql`select * from public.verify_reports()`).toEqual([]);
    await store.erase();
    const [deleted] =
      await sql`select id from public.report_events where report_id = ${reportId} and type = 'report.deleted'`;
    const deletedId = deleted?.['id'] as string;
    expect(await subscribers.deliveries(endpointId)).toMatchObject([
      { status: 'cancelled', event_id: first.id },
      { status: 'pending', event_id: deletedId, position: '2' },
    ]);
    // The POST of the first is under way: the deletion must not overtake it.
    expect(await subscribers.claimEvent(deletedId)).toEqual([]);
    expect((await subscribers.claim()).delivery).toBeNull();
    await subscribers.record(held, 'delivered');
    const { delivery } = await subscribers.claim();
    expect(delivery).toMatchObject({ event_id: deletedId });
    expect(JSON.parse(delivery?.body ?? '')).toMatchObject({
      type: 'report.deleted',
      data: { report_id: reportId, position: 2 },
    });
    expect(delivery?.body).not.toContain('text');
    // Nothing of it is left to erase, and the erasure leaves its delivery alone.
    await store.erase();
    await store.erase();
    if (delivery)
      expect(await subscribers.record(delivery, 'delivered')).toMatchObject({ status: 'success' });
    expect(await sql`select * from public.verify_reports()`).toEqual([]);
  });

  it('of a deleted report goes to every subscriber that may have heard of it, whatever stage and filter say', async () => {
    const { sql } = database;
    const prelims = await subscribers.active({ events: { stages: ['prelim'], statuses: ['completed'] } });
    const europe = await subscribers.active(
      { filter: { exact: { 'metadata.region': 'eu' } } },
      'strict $.metadata.region == "eu"',
    );
    const finals = await subscribers.active({ events: { types: ['report.final.completed'] } });
    const { reportId } = await createReport(sql);
    await applied(reportId);
    await applied(reportId, 'final');
    await sql`delete from public.org_reports where id = ${reportId}`;
    await store.erase();
    const typesOf = async ({ endpointId }: { endpointId: string }) => {
      const rows = await sql`
        select event.type from public.webhook_deliveries delivery join public.report_events event on event.id = delivery.event_id
        where delivery.endpoint_id = ${endpointId} order by delivery.position`;
      return rows.map(({ type }) => type as string);
    };
    expect(await typesOf(prelims)).toEqual(['report.prelim.completed', 'report.deleted']);
    expect(await typesOf(europe)).toEqual([
      'report.prelim.completed',
      'report.final.completed',
      'report.deleted',
    ]);
    // Who names types has not asked for it.
    expect(await typesOf(finals)).toEqual(['report.final.completed']);
    expect(await sql`select * from public.verify_reports()`).toEqual([]);
  });

  it('names the settings that were in force for it, also after they have changed', async () => {
    const { sql } = database;
    const { endpointId } = await subscribers.active({ events: { stages: ['final'] } });
    const { reportId } = await createReport(sql);
    const before = await applied(reportId);
    await subscribers.change(endpointId, {});
    const after = await applied(reportId, 'final');
    const explain = async (eventId: string) => {
      const [row] = await sql`select public.explain_fan_out(${endpointId}, ${eventId}) as answer`;
      return row?.['answer'] as Record<string, unknown>;
    };
    expect(await explain(before.id)).toMatchObject({
      matches: false,
      settings: { events: { stages: ['final'] } },
      deliveries: [],
    });
    expect(await explain(after.id)).toMatchObject({
      matches: true,
      deliveries: [{ plan: 0, status: 'pending' }],
    });
    expect(await explain('nothing')).toEqual({ outcome: 'event_not_found' });
  });

  it('keeps an edit back until it has been quiet, and sends the last one', async () => {
    const { sql } = database;
    const { endpointId } = await subscribers.active();
    const { reportId, userId } = await createReport(sql);
    for (const text of ['one', 'two', 'three']) {
      await asUser(
        sql,
        userId,
        (user) => user`update public.org_reports set research_report = ${text} where id = ${reportId}`,
      );
    }
    const rows = await sql`
      select status, next_attempt > now() + interval '1 minute' as waits from public.webhook_deliveries
      where endpoint_id = ${endpointId} order by position`;
    expect(rows).toEqual([
      { status: 'superseded', waits: null },
      { status: 'superseded', waits: null },
      { status: 'pending', waits: true },
    ]);
    expect((await subscribers.claim()).delivery).toBeNull();
  });
});
