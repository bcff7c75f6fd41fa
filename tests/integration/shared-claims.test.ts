import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createReport, createTestDatabase, type TestDatabase } from '../support/database.ts';
import { storeClient, type Held } from '../support/store.ts';
import { subscriberClient } from '../support/subscribers.ts';

/** Concurrent senders share a claim, and those that deliver at the same time share a record. */

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
  for (;;) {
    const { deliveries } = await claim(10, 0);
    if (deliveries.length === 0) break;
    for (const held of deliveries) await store.send(held);
    await record(deliveries);
  }
});

interface Claimed {
  deliveries: (Held & { endpoint_id: string })[];
  left_out: object[];
  waiting: boolean;
}

async function claim(limit: number, outward: number, claimId: string = randomUUID()): Promise<Claimed> {
  const [row] = await database.sql`
    select public.claim_due_deliveries(${limit}, ${outward}, 30, ${claimId}) as answer`;
  return row?.['answer'] as Claimed;
}

async function record(rounds: readonly Pick<Held, 'delivery_id' | 'delivery_token'>[]) {
  const attempts = [{ status: 200, duration_ms: 5, authentic: true }];
  const [row] = await database.sql`
    select public.record_delivered_rounds(${database.sql.json(
      rounds.map(({ delivery_id, delivery_token }) => ({ delivery_id, delivery_token, attempts })),
    )}) as answer`;
  return row?.['answer'] as ({ status: string; dead: boolean } | null)[];
}

/** Results whose delivery to our own endpoint failed and is due, one for each of so many reports, in this order. */
async function due(count: number): Promise<number[]> {
  const { sql } = database;
  const ids: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const { reportId } = await createReport(sql);
    const { run } = await store.request(reportId);
    const { delivery } = await store.complete(run.job_id, run.lease_token);
    if (delivery === undefined) throw new Error('the circuit is open');
    await store.record(delivery, 'failed', [{ status: 401, duration_ms: 5, authentic: true }]);
    await sql`
      update public.webhook_deliveries set next_attempt = now() - interval '1 minute' + ${index} * interval '1 millisecond'
      where id = ${delivery.delivery_id}`;
    ids.push(delivery.delivery_id);
  }
  return ids;
}

/** So many results of reports of their own, applied by a webhook: each is due to every subscriber. */
async function applied(count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    const { reportId } = await createReport(database.sql);
    const now = new Date().toISOString();
    const data = {
      job_id: `job_${randomUUID()}`,
      report_id: reportId,
      report_type: 'org',
      research_status: 'completed',
      research_report: 'text',
      requested_at: now,
    };
    await store.apply(`evt_${randomUUID()}`, { type: 'report.prelim.completed', timestamp: now, data });
  }
}

const idsOf = ({ deliveries }: Claimed) => deliveries.map(({ delivery_id }) => delivery_id);

describe('a claim for several', () => {
  it('takes as many as it is asked for, those that are due first, each under a lease', async () => {
    const made = await due(5);
    const first = await claim(3, 0);
    expect(idsOf(first)).toEqual(made.slice(0, 3));
    const rest = await claim(10, 0);
    expect(idsOf(rest)).toEqual(made.slice(3));
    expect(await claim(10, 0)).toEqual({ deliveries: [], left_out: [], waiting: false });
    for (const held of [...first.deliveries, ...rest.deliveries]) await store.send(held);
    await record([...first.deliveries, ...rest.deliveries]);
  });

  it('that is repeated answers the same deliveries, and takes no others', async () => {
    await due(4);
    const id = randomUUID();
    const first = await claim(2, 0, id);
    const again = await claim(2, 0, id);
    expect(idsOf(again).toSorted()).toEqual(idsOf(first).toSorted());
    const rest = await claim(10, 0);
    expect(rest.deliveries).toHaveLength(2);
    for (const held of [...first.deliveries, ...rest.deliveries]) await store.send(held);
    await record([...first.deliveries, ...rest.deliveries]);
  });

  it('takes what is behind those that other claims are taking now', async () => {
    const made = await due(44);
    let held: Claimed | undefined;
    await database.sql.begin(async (other) => {
      // As three sweeps do, each of which claims ten.
      await other`select from public.webhook_deliveries where id in ${other(made.slice(0, 33))} for update`;
      held = await claim(10, 0);
    });
    if (held === undefined) throw new Error('nothing was claimed');
    expect(idsOf(held)).toEqual(made.slice(33, 43));
    for (const one of held.deliveries) await store.send(one);
    await record(held.deliveries);
  });

  it('takes our own first, of subscribers by turns, and of these no more than may be', async () => {
    const subscriber = await subscribers.active();
    const other = await subscribers.active();
    await applied(3);
    const own = await due(1);
    const none = await claim(1, 0);
    expect(idsOf(none)).toEqual(own);
    expect((await claim(10, 0)).deliveries).toEqual([]);
    expect((await claim(10, 1)).deliveries).toHaveLength(1);
    const two = await claim(10, 2);
    expect(two.deliveries.map(({ endpoint_id }) => endpoint_id).toSorted()).toEqual(
      [subscriber.endpointId, other.endpointId].toSorted(),
    );
    // Four events for each of the two.
    const rest = await claim(10, 10);
    expect(rest.deliveries).toHaveLength(5);
    for (const held of none.deliveries) await store.send(held);
    await record(none.deliveries);
  });
});

describe('a record of several', () => {
  it('answers in the order asked, and one that fails harms no other', async () => {
    await due(3);
    const { deliveries } = await claim(3, 0);
    for (const held of deliveries) await store.send(held);
    const [first, second, third] = deliveries;
    if (first === undefined || second === undefined || third === undefined) throw new Error('too few');
    const unknown = { delivery_id: 999_999_999, delivery_token: 1 };
    const answers = await record([third, unknown, first]);
    expect(answers).toMatchObject([{ status: 'success' }, null, { status: 'success' }]);
    expect(await record([second])).toMatchObject([{ status: 'success' }]);
  });

  it('waits for no delivery that another transaction holds', async () => {
    await due(2);
    const { deliveries } = await claim(2, 0);
    for (const held of deliveries) await store.send(held);
    const [first] = deliveries;
    await database.sql.begin(async (other) => {
      await other`select from public.webhook_deliveries where id = ${first?.delivery_id ?? 0} for update`;
      expect(await record(deliveries)).toMatchObject([null, { status: 'success' }]);
    });
    expect(await record(deliveries)).toMatchObject([{ status: 'success' }, { status: 'success' }]);
  });
});

it('gives the functions of 0.2.0 nothing for subscribers, whom they do not know', async () => {
  await subscribers.active();
  await applied(1);
  const [own] = await due(1);
  const ask = async () => {
    const [row] = await database.sql`select public.claim_due_delivery(30, ${randomUUID()}) as answer`;
    return row?.['answer'] as { delivery: Held | null; left_out: object[] };
  };
  const { delivery } = await ask();
  expect(delivery?.delivery_id).toBe(own);
  expect(await ask()).toEqual({ delivery: null, left_out: [] });
  if (delivery !== null) {
    await store.send(delivery);
    await record([delivery]);
  }
});
