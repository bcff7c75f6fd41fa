import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createReport, createTestDatabase, type TestDatabase } from '../support/database.ts';
import { storeClient, type Held } from '../support/store.ts';

let database: TestDatabase;
let store: ReturnType<typeof storeClient>;
beforeAll(async () => {
  database = await createTestDatabase();
  store = storeClient(database.sql);
});
afterAll(async () => {
  await settle();
  await database[Symbol.asyncDispose]();
});
/** Closes the circuits, and leaves nothing to send. */
async function settle(): Promise<void> {
  await database.sql`
    update public.webhook_circuits
    set opened_at = null, probe_after = null, probe_delivery_id = null, probe_token = null, probe_lease_expires_at = null,
      closed_at = clock_timestamp()`;
  await database.sql`
    select public.apply_report_event(id, 'direct'), private.add_audit(p_direction => 'out', p_outcome => 'skipped', p_event_id => id)
    from public.report_events where effect is null`;
  await database.sql`
    update public.webhook_deliveries set status = 'success', next_attempt = null, dead_at = null, dead_reason = null,
      -- As if long ago: what succeeded lately has an audit row.
      last_attempt = now() - interval '2 days'
    where status <> 'success'`;
}
beforeEach(settle);

const OK = [{ status: 200, duration_ms: 5, authentic: true }];
const GATEWAY = [{ status: 502, duration_ms: 5, authentic: false }];
const OUR_429 = [{ status: 429, duration_ms: 5, authentic: true }];

async function newResult(stage = 'prelim') {
  const { reportId } = await createReport(database.sql);
  const { run } = await store.request(reportId, { stage });
  const { delivery, outcome } = await store.complete(run.job_id, run.lease_token);
  expect(outcome).toBe('completed');
  return { reportId, jobId: run.job_id, held: delivery };
}

async function send(result: string, attempts: object[], stage?: string): Promise<void> {
  const { held } = await newResult(stage);
  if (held === undefined) throw new Error('the circuit is open');
  await store.record(held, result, attempts as never);
}

async function times(count: number, work: () => Promise<void>): Promise<void> {
  for (let index = 0; index < count; index += 1) await work();
}

async function isOpen(type = 'prelim-report'): Promise<unknown> {
  const [row] = await database.sql`
    select opened_at is not null as open from public.webhook_circuits where endpoint_id = ${type}`;
  return row?.['open'];
}

/** Until so many connections wait for a lock that another holds. */
async function untilWaiting(count: number): Promise<void> {
  await expect
    .poll(async () => {
      const waiting = await database.sql`
        select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`;
      return waiting.length;
    })
    .toBe(count);
}

const openIt = () => times(10, () => send('failed', GATEWAY));
const letProbe = () =>
  database.sql`update public.webhook_circuits set probe_after = now() where opened_at is not null`;

describe('a circuit', () => {
  it('opens with the tenth attempt of a minute when half of them failed, for its own endpoint only', async () => {
    await times(5, () => send('delivered', OK));
    await times(4, () => send('failed', GATEWAY));
    expect(await isOpen()).toBe(false);
    await send('unknown', [{ status: null, duration_ms: 5, authentic: false }]);
    expect(await isOpen()).toBe(true);
    expect(await isOpen('final-report')).toBe(false);
  });

  it('stays closed while more than half arrive, and for refusals that the endpoint itself made', async () => {
    await times(8, () => send('delivered', OK));
    await times(7, () => send('failed', GATEWAY));
    await times(6, () => send('failed', OUR_429));
    await times(6, () => send('refused', [{ status: 409, duration_ms: 5, authentic: true }]));
    expect(await isOpen()).toBe(false);
  });

  it('forgets attempts that are older than a minute', async () => {
    await times(9, () => send('failed', GATEWAY));
    await database.sql`alter table public.webhook_audit disable trigger keep_audit`;
    await database.sql`update public.webhook_audit set created_at = created_at - interval '61 seconds' where direction = 'out'`;
    await database.sql`alter table public.webhook_audit enable trigger keep_audit`;
    await times(9, () => send('failed', GATEWAY));
    expect(await isOpen()).toBe(false);
  });

  it('that is open sends new results to the direct update at once, without a POST', async () => {
    await openIt();
    const { reportId, jobId, held } = await newResult();
    expect(held).toBeUndefined();
    const [row] = await database.sql`
      select report.research_report, report.webhook_status, report.webhook_attempts, event.channel,
        delivery.rounds, delivery.next_attempt > now() as waits,
        (select string_agg(outcome, ' ') from public.webhook_audit where event_id = event.id) as audit
      from public.org_reports report
      join public.report_events event on event.job_id = ${jobId}
      join public.webhook_deliveries delivery on delivery.event_id = event.id
      where report.id = ${reportId}`;
    expect(row).toEqual({
      research_report: 'text',
      webhook_status: 'failed',
      webhook_attempts: 0,
      channel: 'direct',
      rounds: 0,
      waits: true,
      audit: 'skipped',
    });
    // The final endpoint is another.
    expect((await newResult('final')).held).toBeDefined();
  });

  it('that is open lets a sweep send nothing, though much is due', async () => {
    await openIt();
    await database.sql`update public.webhook_deliveries set next_attempt = now() where status = 'failed'`;
    expect(await store.claim()).toBeNull();
  });

  it('that is half-open lets exactly one of twenty sweeps and runners probe', async () => {
    await openIt();
    await newResult();
    await letProbe();
    const claims = await Promise.all(Array.from({ length: 20 }, () => store.claim()));
    expect(claims.filter((claim) => claim !== null)).toHaveLength(1);
    expect((await newResult()).held).toBeUndefined();
  });

  // One sweep alone: of several, each passes over a delivery that another holds for more than a millisecond.
  it('that is half-open is probed with the least-tried delivery', async () => {
    await openIt();
    const { jobId } = await newResult();
    await letProbe();
    const [least] = await database.sql`select id from public.webhook_deliveries where job_id = ${jobId}`;
    expect((await store.claim())?.delivery_id).toBe(Number(least?.['id']));
    expect(await store.claim()).toBeNull();
  });

  it('that is half-open lets one of ten new results be the probe, when nothing else waits', async () => {
    await openIt();
    await database.sql`
      update public.webhook_deliveries
      set status = 'success', next_attempt = null, last_attempt = now() - interval '2 days'`;
    await letProbe();
    const results = await Promise.all(Array.from({ length: 10 }, () => newResult()));
    expect(results.filter(({ held }) => held !== undefined)).toHaveLength(1);
  });

  it('closes with an authentic answer below 500, even a refusal, and stays open for another half minute without', async () => {
    const probe = async (): Promise<Held> => {
      await letProbe();
      const held = await store.claim();
      if (held === null) throw new Error('no probe');
      return held;
    };
    await openIt();
    await store.record(await probe(), 'failed', GATEWAY);
    const [circuit] = await database.sql`
      select extract(epoch from probe_after - now())::int as seconds, probe_delivery_id
      from public.webhook_circuits where endpoint_id = 'prelim-report'`;
    expect(circuit).toEqual({ seconds: expect.closeTo(30, -1) as number, probe_delivery_id: null });
    expect(await store.claim()).toBeNull();
    await store.record(await probe(), 'failed', OUR_429);
    expect(await isOpen()).toBe(false);
    // What failed before it closed says nothing against it now.
    await send('failed', GATEWAY);
    expect(await isOpen()).toBe(false);
  });

  it('probes without using up the schedule of what it probes with', async () => {
    await openIt();
    await database.sql`
      update public.webhook_deliveries set status = 'success', next_attempt = null, last_attempt = now() - interval '2 days'
      where id <> (select max(id) from public.webhook_deliveries)`;
    const waiting = () => database.sql`
      select rounds, next_attempt::text, dead_at from public.webhook_deliveries where status <> 'success'`;
    const before = await waiting();
    expect(before).toMatchObject([{ rounds: 1, dead_at: null }]);
    await times(8, async () => {
      await letProbe();
      const held = await store.claim();
      if (held === null) throw new Error('no probe');
      await store.record(held, 'failed', GATEWAY);
    });
    expect(await waiting()).toEqual(before);
  });

  it('is probed and asked for at the same time without a deadlock', async () => {
    await openIt();
    const [old] = await database.sql`
      select report_id, event_id from public.webhook_deliveries where status <> 'success' order by attempts, id limit 1`;
    const { run } = await store.request(String(old?.['report_id']));
    await letProbe();
    const completed = await database.sql.begin(async (transaction) => {
      // It waits for the job, and holds its report.
      await transaction`select from private.job_runs where job_id = ${run.job_id} for update`;
      const completion = store.complete(run.job_id, run.lease_token);
      await untilWaiting(1);
      // The probe takes another delivery meanwhile, or none.
      const probe = await store.claim();
      expect(probe?.event_id).not.toBe(old?.['event_id']);
      return { completion };
    });
    expect(await completed.completion).toMatchObject({ outcome: 'completed' });
  });

  it('does not deadlock processes that lost the probe to another', async () => {
    const twins = await Promise.all([createReport(database.sql), createReport(database.sql)]);
    for (const { reportId } of twins) {
      for (const stage of ['prelim', 'final']) {
        const { run } = await store.request(reportId, { stage });
        const { delivery } = await store.complete(run.job_id, run.lease_token);
        if (delivery) await store.record(delivery, 'failed', OUR_429);
      }
    }
    await database.sql`
      update public.webhook_deliveries set next_attempt = now() - id * interval '1 second' where status = 'failed'`;
    await database.sql`
      update public.webhook_circuits set opened_at = now(), probe_after = now() where endpoint_id = 'prelim-report'`;
    await database.sql.begin(async (transaction) => {
      await transaction`
        update public.webhook_circuits set probe_delivery_id = 0, probe_token = 0, probe_lease_expires_at = now() + interval '1 minute'
        where endpoint_id = 'prelim-report'`;
      // Neither waits for the circuit.
      const claim = () => database.sql`select public.claim_due_deliveries(1, 0, 30) as answer`;
      // Of two, each may find the other at a delivery for more than a millisecond, and leave it: later ones take that.
      const claims = [...(await Promise.all([claim(), claim()])), await claim(), await claim()];
      const claimed = claims.flatMap(([row]) => (row?.['answer'] as { deliveries: object[] }).deliveries);
      expect(claimed).toMatchObject([{ endpoint_id: 'final-report' }, { endpoint_id: 'final-report' }]);
      // None of its deliveries counts as left out: this sweep may still send them.
      const [alone] = await claim();
      expect(alone?.['answer']).toEqual({ deliveries: [], left_out: [], waiting: false });
    });
  });

  it('gives the probe to another process when its holder has died', async () => {
    await openIt();
    await letProbe();
    const first = await store.claim();
    expect(first).not.toBeNull();
    expect(await store.claim()).toBeNull();
    await database.sql`
      update public.webhook_circuits set probe_lease_expires_at = now() - interval '1 second' where opened_at is not null`;
    const second = await store.claim();
    expect(second?.delivery_id).not.toBe(first?.delivery_id);
    // The dead prober's late failure does not take the second one's probe away.
    if (first) await store.record(first, 'failed', GATEWAY);
    expect(await store.claim()).toBeNull();
  });

  it('is not written by results that arrive', async () => {
    const before =
      await database.sql`select xmin::text, ctid::text from public.webhook_circuits order by 1, 2`;
    await times(3, () => send('delivered', OK));
    expect(
      await database.sql`select xmin::text, ctid::text from public.webhook_circuits order by 1, 2`,
    ).toEqual(before);
  });
});
