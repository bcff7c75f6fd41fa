import { randomUUID } from 'node:crypto';
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { asRole } from '../../tools/local/hosted-roles.ts';
import { startDeliveryBed, type DeliveryBed } from '../support/delivery-bed.ts';
import { storeClient } from '../support/store.ts';

/**
 * A delivery, job or endpoint that is locked, malformed or slow does not stop the others: claims and sweeps continue and
 * report what they left out.
 */

let bed: DeliveryBed;
let sql: postgres.Sql;
let store: ReturnType<typeof storeClient>;
beforeAll(async () => {
  bed = await startDeliveryBed();
  sql = bed.system.sql;
  store = storeClient(sql);
});
afterAll(() => bed.stop());

const holders: (() => void)[] = [];
const held: Promise<unknown>[] = [];
beforeEach(async () => {
  await bed.closeCircuits();
  await sql`
    select public.apply_report_event(id, 'direct'), private.add_audit(p_direction => 'out', p_outcome => 'skipped', p_event_id => id)
    from public.report_events where effect is null`;
  await sql`
    update public.webhook_deliveries
    set status = 'success', next_attempt = null, dead_at = null, dead_reason = null, lease_expires_at = null,
      -- As if long ago: what succeeded lately has an audit row.
      last_attempt = now() - interval '2 days'`;
});
afterEach(async () => {
  for (const letGo of holders.splice(0)) letGo();
  await Promise.all(held.splice(0));
});

/** A result whose delivery is due: one for each of so many reports, in this order. */
async function due(count: number, stage = 'prelim') {
  const made: { reportId: string; userId: string; eventId: string; deliveryId: number }[] = [];
  for (let index = 0; index < count; index += 1) {
    const { reportId, userId } = await bed.system.createReport();
    const { run } = await store.request(reportId, { stage });
    const { delivery } = await store.complete(run.job_id, run.lease_token);
    if (delivery === undefined) throw new Error('the circuit is open');
    await store.record(delivery, 'failed', [{ status: 502, duration_ms: 5, authentic: false }]);
    await sql`
      update public.webhook_deliveries set next_attempt = now() - interval '1 minute' + ${index} * interval '1 millisecond'
      where id = ${delivery.delivery_id}`;
    await bed.closeCircuits();
    made.push({ reportId, userId, eventId: delivery.event_id, deliveryId: delivery.delivery_id });
  }
  return made;
}

/** Another transaction takes these locks, and keeps them until the test ends. */
async function hold(lock: (sql: postgres.TransactionSql) => Promise<unknown>): Promise<void> {
  const released = new Promise<void>((resolve) => holders.push(resolve));
  await new Promise<void>((locked, failed) => {
    const transaction = sql.begin(async (other) => {
      await lock(other);
      locked();
      await released;
    });
    transaction.catch(failed);
    held.push(transaction);
  });
}

interface Claim {
  delivery: { delivery_id: number; event_id: string } | null;
  left_out: { delivery_id: number; left_out: string; error?: string }[];
}

async function claim(leftOut: number[] = []): Promise<Claim> {
  const [row] = await sql`
    select jsonb_build_object('delivery', answer #> '{deliveries,0}') || answer - 'deliveries' as answer
    from public.claim_due_deliveries(1, 1, 30, ${randomUUID()}, ${leftOut}::bigint[]) answer`;
  return row?.['answer'] as Claim;
}

const sweep = async () => bed.call('GET', undefined, undefined, '/api/cron/sweep');

describe('a claim', () => {
  it.each<
    [string, (sql: postgres.TransactionSql, report: { reportId: string; userId: string }) => Promise<unknown>]
  >([
    [
      'report is locked',
      (other, { reportId }) => other`select from public.org_reports where id = ${reportId} for update`,
    ],
    [
      'owner is locked, as by the deletion of an account',
      (other, { userId }) => other`select from auth.users where id = ${userId} for update`,
    ],
    [
      'row is locked',
      (other, { reportId }) =>
        other`select from public.webhook_deliveries where report_id = ${reportId} for update`,
    ],
  ])('goes on to the next where a delivery’s %s', async (_name, lock) => {
    const [first, second] = await due(2);
    if (first === undefined || second === undefined) throw new Error('nothing is due');
    await hold((other) => lock(other, first));
    expect((await claim()).delivery).toMatchObject({ delivery_id: second.deliveryId });
    expect((await claim()).delivery).toBeNull();
  });

  it('goes on where one cannot be claimed at all, says which, and asks for it no more', async () => {
    const [poisonous, sound] = await due(2);
    if (poisonous === undefined || sound === undefined) throw new Error('nothing is due');
    await poison(poisonous.deliveryId);
    const first = await claim();
    expect(first).toMatchObject({
      delivery: { delivery_id: sound.deliveryId },
      left_out: [{ delivery_id: poisonous.deliveryId, left_out: 'error', error: 'poisonous' }],
    });
    expect(await claim([poisonous.deliveryId])).toEqual({ delivery: null, left_out: [], waiting: false });
  });

  it('passes over any number that are locked', async () => {
    const made = await due(20);
    const free = made.at(-1);
    await hold(async (other) => {
      const ids = made.slice(0, -1).map(({ reportId }) => reportId);
      await other`select from public.org_reports where id in ${other(ids)} for update`;
    });
    const left: number[] = [];
    let answer = await claim(left);
    while (answer.delivery === null && answer.left_out.length > 0) {
      left.push(...answer.left_out.map(({ delivery_id }) => delivery_id));
      answer = await claim(left);
    }
    expect(answer.delivery).toMatchObject({ delivery_id: free?.deliveryId });
  });

  it('takes the endpoint with the fewest senders first, and any other while that has nothing due', async () => {
    const slow = await due(4);
    const [quiet] = await due(1, 'final');
    // What has been due longest goes first while nobody is sending.
    expect((await claim()).delivery?.delivery_id).toBe(slow[0]?.deliveryId);
    expect((await claim()).delivery?.delivery_id).toBe(quiet?.deliveryId);
    expect((await claim()).delivery?.delivery_id).toBe(slow[1]?.deliveryId);
    expect((await claim()).delivery?.delivery_id).toBe(slow[2]?.deliveryId);
  });
});

/** Changing this delivery fails. */
async function poison(deliveryId: number): Promise<void> {
  await sql.unsafe(`
    create or replace function private.bed_poison() returns trigger language plpgsql as
      $$ begin raise exception 'poisonous'; end $$;
    create or replace trigger bed_poison before update on public.webhook_deliveries
      for each row when (old.id = ${deliveryId}) execute function private.bed_poison()`);
  holders.push(() => undefined);
  cleanUps.push(() => sql`drop trigger if exists bed_poison on public.webhook_deliveries`);
}
const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

describe('a delivery whose holder died', () => {
  const state = async (id: number) => {
    const [row] = await sql`
      select delivery.status, report.webhook_status, delivery.lease_expires_at is null as free,
        delivery.next_attempt > now() as waits
      from public.webhook_deliveries delivery join public.org_reports report on report.id = delivery.report_id
      where delivery.id = ${id}`;
    return row;
  };

  it.each(['failed', 'sent'])('shows again that it is %s, though its slot is hours away', async (before) => {
    const [made] = await due(1);
    if (made === undefined) throw new Error('nothing is due');
    await sql`
      update public.webhook_deliveries set status = ${before}, next_attempt = now() + interval '6 hours'
      where id = ${made.deliveryId}`;
    // As an operator who retries ahead of the slot.
    await sql`
      select public.claim_report_delivery(
        p_report_type => 'org', p_report_id => ${made.reportId}, p_lease_seconds => 30)`;
    expect(await state(made.deliveryId)).toMatchObject({ status: 'retrying', webhook_status: 'retrying' });
    expect((await sweep()).status).toBe(200);
    expect(await state(made.deliveryId)).toMatchObject({ status: 'retrying' });
    await sql`update public.webhook_deliveries set lease_expires_at = now() - interval '1 second' where id = ${made.deliveryId}`;
    expect((await sweep()).status).toBe(200);
    expect(await state(made.deliveryId)).toEqual({
      status: before,
      webhook_status: before,
      free: true,
      waits: true,
    });
  });

  it('may still be recorded by that holder, who was only slow', async () => {
    const [made] = await due(1);
    const taken = await store.claim();
    if (taken === null || made === undefined) throw new Error('nothing is due');
    await sql`update public.webhook_deliveries set lease_expires_at = now() - interval '1 second' where id = ${made.deliveryId}`;
    await sql`select public.release_deliveries(10)`;
    expect(await state(made.deliveryId)).toMatchObject({ status: 'failed' });
    await store.record(taken, 'failed', [{ status: 502, duration_ms: 5, authentic: false }]);
    expect(await state(made.deliveryId)).toMatchObject({ status: 'failed', waits: true });
  });
});

describe('the list of due jobs', () => {
  it('has room for others where those that have been due longest cannot be taken over', async () => {
    const overdue: string[] = [];
    for (let index = 0; index < 30; index += 1) {
      const { reportId } = await bed.system.createReport();
      const { run } = await store.request(reportId);
      await sql`
        update private.job_runs set lease_expires_at = now() - interval '1 hour' + ${index} * interval '1 second'
        where job_id = ${run.job_id}`;
      overdue.push(run.job_id);
    }
    const list = async () =>
      (await sql<{ id: string }[]>`select public.due_report_jobs(20) as id`).map(({ id }) => id);
    const seen = new Set<string>();
    for (let sweep = 0; sweep < 100 && seen.size < overdue.length; sweep += 1) {
      const due = await list();
      expect(due).toHaveLength(20);
      expect(due.slice(0, 10)).toEqual(overdue.slice(0, 10));
      for (const job of due) seen.add(job);
    }
    expect(seen.size).toBe(overdue.length);
    await sql`update private.job_runs set status = 'cancelled', completed_at = now(), lease_expires_at = null
      where job_id = any (${overdue})`;
    await sql`select private.show_job(job_id) from unnest(${overdue}::text[]) job_id`;
  });
});

describe('a sweep', () => {
  it('sends what is due beside deliveries whose reports are locked, and says how many it left out', async () => {
    const made = await due(24);
    const locked = made.slice(0, 12).map(({ reportId }) => reportId);
    await hold((other) => other`select from public.org_reports where id in ${other(locked)} for update`);
    const { status, json } = await sweep();
    expect(status).toBe(200);
    expect(json).toMatchObject({ processed: 12, successes: 12 });
    expect(json['errors']).toEqual([expect.stringMatching(/^12 deliveries were left out/)]);
  });

  const PARTS: [string, string][] = [
    ['claim_due_deliveries(int, int, int, uuid, bigint[])', 'deliveries'],
    ['due_report_jobs(int)', 'jobs'],
    ['record_sweep(text)', 'the count of sweeps'],
    ['evaluate_alerts(boolean, timestamptz, jsonb, boolean)', 'alerts'],
    ['claim_ping()', 'ping'],
    ['verify_slice()', 'verification'],
    ['work_plan(int)', 'plans'],
    ['keep_subscribers(int, int)', 'subscribers'],
    ['erase_due(int, uuid)', 'erasure'],
    ['roll_up_webhooks(int)', 'statistics'],
    ['import_reports(int)', 'import'],
    ['prune_expired(int, int, int, int, jsonb, int)', 'retention'],
  ];

  async function breakPart(signature: string): Promise<void> {
    await sql.unsafe(`revoke execute on function public.${signature} from service_role`);
    cleanUps.push(() => sql.unsafe(`grant execute on function public.${signature} to service_role`));
  }

  it.each(PARTS)('without %s does all but that, and names it', async (signature, part) => {
    await due(1);
    await breakPart(signature);
    const { status, json } = await sweep();
    expect(status).toBe(200);
    expect(json).toMatchObject(part === 'deliveries' ? { processed: 0 } : { processed: 1, successes: 1 });
    expect(json['errors']).toEqual([expect.stringMatching(new RegExp(`^${part}`))]);
  });

  it('answers 503 when no part could do anything', async () => {
    for (const [signature] of PARTS) await breakPart(signature);
    const { status, json } = await sweep();
    expect(status).toBe(503);
    expect(json).toMatchObject({ code: 'database_unavailable' });
  });

  it('neither sends nor applies a result whose content is missing, and does both once it is back', async () => {
    const [missing, sound] = await due(2);
    if (missing === undefined || sound === undefined) throw new Error('nothing is due');
    const { reportId } = await bed.system.createReport();
    const { run } = await store.request(reportId);
    const { delivery } = await store.complete(run.job_id, run.lease_token);
    const events = [missing.eventId, delivery?.event_id ?? ''];
    // As while one table is restored: nobody but a superuser gets past the trigger.
    const admin = postgres(asRole(bed.system.databaseUrl, 'supabase_admin'), {
      max: 1,
      onnotice: () => undefined,
    });
    cleanUps.push(() => admin.end());
    const contents = await admin.begin(async (other) => {
      await other`set local session_replication_role = replica`;
      return other<{ content: string }[]>`
        delete from private.report_contents content where event_id in ${other(events)} returning to_jsonb(content)::text as content`;
    });
    const { status, json } = await sweep();
    expect(status).toBe(200);
    expect(json).toMatchObject({ processed: 1, successes: 1 });
    expect(json['errors']).toEqual([`the content of event ${missing.eventId} is missing`]);
    await expect(
      sql`select public.apply_report_event(${delivery?.event_id ?? ''}, 'direct')`,
    ).rejects.toMatchObject({
      code: 'PL008',
    });
    for (const { content } of contents) {
      await admin`
        insert into private.report_contents
        select * from jsonb_populate_record(null::private.report_contents, ${content}::text::jsonb)`;
    }
    await sql`update public.webhook_deliveries set lease_expires_at = now() where status <> 'success'`;
    expect((await sweep()).json).toMatchObject({ processed: 2, successes: 2, errors: [] });
    expect(await sql`select problem from public.verify_reports()`).toEqual([]);
  });

  it('ends a job beside one whose report is locked', async () => {
    const jobs: { reportId: string; jobId: string }[] = [];
    for (let index = 0; index < 2; index += 1) {
      const { reportId } = await bed.system.createReport();
      const { run } = await store.request(reportId);
      jobs.push({ reportId, jobId: run.job_id });
      await sql`
        update private.job_runs set lease_expires_at = now() - interval '1 hour', take_overs = 100
        where job_id = ${run.job_id}`;
    }
    const [locked, free] = jobs;
    if (locked === undefined || free === undefined) throw new Error('no jobs');
    await hold((other) => other`select from public.org_reports where id = ${locked.reportId} for update`);
    const { json } = await sweep();
    expect(json).toMatchObject({ given_up: 1 });
    expect(json['errors']).toEqual([expect.stringMatching(/^1 jobs were left out/)]);
    const states = await sql`
      select job_id, status from private.job_runs where job_id in ${sql([locked.jobId, free.jobId])}`;
    expect(Object.fromEntries(states.map(({ job_id, status }) => [String(job_id), String(status)]))).toEqual({
      [locked.jobId]: 'queued',
      [free.jobId]: 'failed',
    });
  });
});
