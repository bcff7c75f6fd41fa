import { randomUUID } from 'node:crypto';
import type postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createReport, createTestDatabase, type TestDatabase } from '../support/database.ts';
import { untilSomebodyWaits } from '../support/locks.ts';
import { storeClient, type Held } from '../support/store.ts';

let database: TestDatabase;
let store: ReturnType<typeof storeClient>;
beforeAll(async () => {
  database = await createTestDatabase();
  store = storeClient(database.sql);
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});

/** Makes calls while somebody holds the report, until so many of them wait for its lock. */
async function whileHeld<T>(reportId: string, waiting: number, calls: () => Promise<T>): Promise<T> {
  let made: Promise<T> | undefined;
  await database.sql.begin(async (holder) => {
    await holder`select from public.org_reports where id = ${reportId} for update`;
    made = calls();
    await untilSomebodyWaits(database.sql, waiting);
  });
  if (made === undefined) throw new Error('no call was made');
  return made;
}

async function expire(jobId: string): Promise<void> {
  await database.sql`
    update private.job_runs set lease_expires_at = now() - interval '1 second' where job_id = ${jobId}`;
}

/** A delivery that its endpoint refused: a dead letter. */
async function deadLetter(): Promise<Held> {
  const { reportId } = await createReport(database.sql);
  const { run } = await store.request(reportId);
  const { delivery } = await store.complete(run.job_id, run.lease_token);
  if (delivery === undefined) throw new Error('nothing to send');
  await store.record(delivery, 'refused', [{ status: 409, duration_ms: 5, authentic: true }]);
  return delivery;
}

describe('a call that is repeated while the first is still at work', () => {
  it('requests one job, whose run and id both answers have, whatever the quota', async () => {
    const { reportId, userId } = await createReport(database.sql);
    await store.request(reportId, {}, null, userId);
    // The second job is the last that the quota allows.
    const job_id = `job_${randomUUID()}`;
    const request = () => store.request(reportId, { job_id }, null, userId);
    const answers = await whileHeld(reportId, 2, () => Promise.all([request(), request()]));
    for (const answer of answers) {
      expect(answer).toMatchObject({ outcome: 'created', job: { job_id }, run: { job_id, lease_token: 1 } });
    }
  });

  it('takes a job over once, and answers its run both times', async () => {
    const { reportId } = await createReport(database.sql);
    const { run } = await store.request(reportId);
    await expire(run.job_id);
    const claimId = randomUUID();
    const takeOver = () => store.takeOver(run.job_id, 3, claimId);
    let repeated: ReturnType<typeof takeOver>[] = [];
    const first = await database.sql.begin(async (transaction) => {
      const taken = await storeClient(transaction).takeOver(run.job_id, 3, claimId);
      repeated = [takeOver(), takeOver()];
      await untilSomebodyWaits(database.sql, 2);
      return taken;
    });
    const answers = [first, ...(await Promise.all(repeated))];
    for (const answer of answers) {
      expect(answer).toMatchObject({ outcome: 'taken_over', run: { lease_token: 2 } });
    }
    expect(await store.takeOver(run.job_id, 3, randomUUID())).toEqual({ outcome: 'not_due' });
  });

  it('claims one delivery, though more are due', async () => {
    const dead = await Promise.all([deadLetter(), deadLetter()]);
    await store.redrive({ event_ids: dead.map(({ event_id }) => event_id) });
    const claimId = randomUUID();
    let repeated: Promise<Held | null> | undefined;
    const claimed = await database.sql.begin(async (transaction) => {
      const held = await storeClient(transaction).claim(30, claimId);
      repeated = store.claim(30, claimId);
      await untilSomebodyWaits(database.sql);
      return held;
    });
    expect(claimed).not.toBeNull();
    expect(await repeated).toEqual(claimed);
    expect((await store.claim(30, randomUUID()))?.event_id).not.toBe(claimed?.event_id);
  });
});

describe('the start of a check', () => {
  const host = `${randomUUID()}.example.org`;
  const begin = async (sql: postgres.ISql, endpointId: string, claimId: string) => {
    const [row] = await sql<{ answer: { outcome: string; check_id?: number } }[]>`
      select public.begin_endpoint_check(${endpointId}, ${host}, 'somebody', ${claimId}) as answer`;
    return row?.answer;
  };
  const subscriber = async () => {
    const id = `ep-${randomUUID().replaceAll('-', '').slice(0, 16)}`;
    await database.sql`
      select public.create_endpoint(
        gen_random_uuid(), ${database.sql.json({
          ...{ url: `https://${host}/`, description: '', events: {}, filter: null, format_version: 0 },
          ...{ body: 'full', mode: 'every', rate_per_second: 1 },
        })}, ${id}, 'sealed', ${`token of ${id}`}, 'tester', null, null)`;
    return id;
  };

  it('that is repeated, also while the first is still at work, begins one check', async () => {
    const endpointId = await subscriber();
    const claimId = randomUUID();
    let repeated: ReturnType<typeof begin> | undefined;
    const first = await database.sql.begin(async (transaction) => {
      const begun = await begin(transaction, endpointId, claimId);
      repeated = begin(database.sql, endpointId, claimId);
      await untilSomebodyWaits(database.sql);
      return begun;
    });
    expect(first).toMatchObject({ outcome: 'begun' });
    expect(await repeated).toEqual(first);
    const checks = () => database.sql`select id from private.endpoint_checks where host = ${host}`;
    expect(await checks()).toHaveLength(1);
    // The four others of this hour.
    for (let more = 0; more < 4; more += 1) {
      expect(await begin(database.sql, endpointId, randomUUID())).toMatchObject({ outcome: 'begun' });
    }
    expect(await begin(database.sql, endpointId, randomUUID())).toMatchObject({ outcome: 'too_many_checks' });
    expect(await begin(database.sql, endpointId, claimId)).toEqual(first);
    expect(await checks()).toHaveLength(5);
  });
});

describe('a redrive', () => {
  const redrive = async (sql: postgres.ISql, event_ids: string[], claimId: string) => {
    const [row] = await sql<{ redriven: number }[]>`
      select public.redrive_deliveries(${sql.json({ event_ids })}, 'somebody', 1, ${claimId}) as redriven`;
    return row?.redriven;
  };
  const stillDead = async (event_ids: string[]) => {
    const [row] = await database.sql<{ dead: number }[]>`
      select count(*)::int as dead from public.webhook_deliveries
      where event_id in ${database.sql(event_ids)} and dead_at is not null`;
    return row?.dead;
  };

  it('that is repeated after a sweep has claimed what it put back takes no further dead letter', async () => {
    const ids = [await deadLetter(), await deadLetter()].map(({ event_id }) => event_id);
    const claimId = randomUUID();
    expect(await redrive(database.sql, ids, claimId)).toBe(1);
    while ((await store.claim()) !== null);
    expect(await redrive(database.sql, ids, claimId)).toBe(1);
    expect(await stillDead(ids)).toBe(1);
    expect(await redrive(database.sql, ids, randomUUID())).toBe(1);
    expect(await stillDead(ids)).toBe(0);
  });

  it('passes over the dead letter of a report that another transaction holds', async () => {
    const [held, free] = [await deadLetter(), await deadLetter()];
    const ids = [held, free].map(({ event_id }) => event_id);
    await database.sql.begin(async (holder) => {
      await holder`
        select from public.org_reports
        where id = (select report_id from public.report_events where id = ${held.event_id}) for update`;
      expect(await redrive(database.sql, ids, randomUUID())).toBe(1);
      expect(await redrive(database.sql, ids, randomUUID())).toBe(0);
    });
    expect(await stillDead([held.event_id])).toBe(1);
    expect(await stillDead([free.event_id])).toBe(0);
    expect(await redrive(database.sql, ids, randomUUID())).toBe(1);
  });

  it('that is repeated while the first is still at work takes no further dead letter', async () => {
    const ids = [await deadLetter(), await deadLetter()].map(({ event_id }) => event_id);
    const claimId = randomUUID();
    let repeated: ReturnType<typeof redrive> | undefined;
    await database.sql.begin(async (transaction) => {
      await redrive(transaction, ids, claimId);
      repeated = redrive(database.sql, ids, claimId);
      await untilSomebodyWaits(database.sql);
    });
    expect(await repeated).toBe(1);
    expect(await stillDead(ids)).toBe(1);
  });
});

describe('a job', () => {
  it('is not given up while its report is held, nor once its runner has told of progress', async () => {
    const { reportId } = await createReport(database.sql);
    const { run } = await store.request(reportId);
    const progress = () => database.sql`
      select public.report_job_progress(${run.job_id}, ${run.lease_token}, 50, 60) as is_held`;
    await progress();
    await expire(run.job_id);
    await database.sql.begin(async (holder) => {
      await holder`select from public.org_reports where id = ${reportId} for update`;
      expect(await store.takeOver(run.job_id, 0)).toEqual({ outcome: 'held' });
      expect(await progress()).toEqual([{ is_held: true }]);
    });
    expect(await store.takeOver(run.job_id, 0)).toEqual({ outcome: 'not_due' });
    expect((await store.complete(run.job_id, run.lease_token)).outcome).toBe('completed');
  });

  it('that does not exist stops its runner', async () => {
    const [answer] = await database.sql`select public.report_job_progress('job_gone', 1, 50, 60) as is_held`;
    expect(answer).toEqual({ is_held: false });
  });

  it('that generates cannot wait without a lease, since no sweep would find it', async () => {
    const { reportId } = await createReport(database.sql);
    const { run } = await store.request(reportId);
    await expect(
      database.sql`update private.job_runs set lease_expires_at = null where job_id = ${run.job_id}`,
    ).rejects.toThrow('unfinished_job_that_generates_has_a_lease');
  });
});
