import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { rateRefusal } from '../../src/contracts/rate-limit.ts';
import { parseWebhookSecret } from '../../src/server/deliver/secrets.ts';
import { sign } from '../../src/server/deliver/sign.ts';
import { asUser, untilSomebodyWaits } from '../support/locks.ts';
import { confirmed, jobClient, type JobAnswer } from '../support/jobs.ts';
import { startTestSystem, type TestSystem } from '../support/system.ts';
import { envelope, webhookClient, type Answered } from '../support/webhook-client.ts';

const OTHER_KEY = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

let system: TestSystem;
let ours: ReturnType<typeof webhookClient>;
let others: ReturnType<typeof webhookClient>;
let reportId: string;
beforeAll(async () => {
  system = await startTestSystem({
    functions: [
      'api/webhooks/prelim-report.ts',
      'api/webhooks/final-report.ts',
      'api/reportJobsDb.ts',
      'api/ping.ts',
    ],
    rotatedSecrets: [OTHER_KEY],
  });
  ours = webhookClient(system, system.secrets.webhookSecret);
  others = webhookClient(system, OTHER_KEY);
});
afterAll(() => system.stop());
beforeEach(async () => {
  const { sql } = system;
  await sql`delete from private.rate_buckets where kind = any ('{sender,report,job,write}')`;
  await sql`delete from public.webhook_refusals where minute is not null`;
  await limit('sender', 1200, 1200, 8);
  await limit('report', 6, 30, 1);
  ({ reportId } = await system.createReport());
});

async function limit(kind: string, perMinute: number, burst: number, parts = 1): Promise<void> {
  await system.sql`
    update private.rate_limits set tokens_per_minute = ${perMinute}, burst = ${burst}, parts = ${parts} where kind = ${kind}`;
}

/** The answer 429 as the contract has it. */
function expectLimited(
  { status, headers }: Pick<Answered | JobAnswer, 'status' | 'headers'>,
  policy: string,
  quota: number,
  windowSeconds: number,
): void {
  expect(status).toBe(429);
  const seconds = headers.get('retry-after') ?? '';
  expect(seconds).toMatch(/^[1-9]\d*$/);
  expect(Number(seconds)).toBeLessThanOrEqual(windowSeconds);
  expect(headers.get('ratelimit-policy')).toBe(`"${policy}";q=${quota};w=${windowSeconds}`);
  expect(headers.get('ratelimit')).toBe(`"${policy}";r=0;t=${seconds}`);
}

/** Runs so many calls, 16 at a time. */
async function inTurns<T>(count: number, call: (number: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const caller = async () => {
    while (next < count) results.push(await call(next++));
  };
  await Promise.all(Array.from({ length: 16 }, caller));
  return results;
}

const saying = (answers: Answered[], says: string) => answers.filter((answer) => answer.says === says).length;

async function audited(outcome: string): Promise<number> {
  const [row] = await system.sql<{ rows: number }[]>`
    select count(*)::int as rows from public.webhook_audit where outcome = ${outcome}`;
  return row?.rows ?? -1;
}

describe('a verified sender over its rate', () => {
  it('is answered 429 with the time to wait; the sender of another key is not', async () => {
    await limit('sender', 6, 2, 2);
    for (let event = 0; event < 2; event += 1)
      expect((await others.post(envelope({ reportId }))).says).toBe('applied');
    const id = randomUUID();
    const refused = await others.post(envelope({ reportId }), { id });
    expect(refused.says).toBe('rate_limited');
    expectLimited(refused, 'sender', 2, 20);
    expect((await ours.post(envelope({ reportId }))).says).toBe('applied');
    const rows = await system.sql`
      select outcome, response_status, endpoint_id, body_bytes > 0 as has_size from public.webhook_audit where event_id = ${id}`;
    expect([...rows]).toEqual([
      { outcome: 'rate_limited', response_status: 429, endpoint_id: 'prelim-report', has_size: true },
    ]);
  });

  it('cannot keep a delivery of ours from arriving, or open its circuit, and cannot fill the audit', async () => {
    await limit('sender', 60, 8, 8);
    const before = await audited('rate_limited');
    const pipeline = jobClient(system);
    let isNoisy = true;
    const noise = inTurns(2000, () => ours.post(envelope({ reportId }))).finally(() => {
      isNoisy = false;
    });
    const deliveries = [];
    for (let job = 0; job < 12; job += 1) {
      const own = await system.createReport();
      const jobId = await pipeline.request(own.reportId);
      deliveries.push(await pipeline.until(jobId, confirmed, 60_000));
      if (job === 5) expect(isNoisy).toBe(true);
    }
    const answers = await noise;
    expect(deliveries.every(({ webhook }) => webhook.attempts === 1)).toBe(true);
    const [circuits] = await system.sql`select count(opened_at)::int as open from public.webhook_circuits`;
    expect(circuits).toEqual({ open: 0 });
    const limited = saying(answers, 'rate_limited');
    expect(limited + answers.filter(({ status }) => status === 200).length).toBe(2000);
    expect(limited).toBeGreaterThan(1000);
    const [counted] = await system.sql<{ requests: number; minutes: number }[]>`
      select sum(requests)::int as requests, count(distinct minute)::int as minutes from public.webhook_refusals`;
    expect(counted?.requests).toBe(limited);
    // Requests at one moment do not see each other's count.
    expect((await audited('rate_limited')) - before).toBeLessThanOrEqual((counted?.minutes ?? 0) * (60 + 16));
  }, 180_000);

  it('is answered 429 for invalid bodies too, which are then only counted', async () => {
    await limit('sender', 1, 8, 8);
    const before = await audited('invalid_body');
    const answers = await inTurns(30, () => others.post({ type: 'nothing' }));
    expect(saying(answers, 'invalid_body')).toBe(8);
    expect(saying(answers, 'rate_limited')).toBe(22);
    expect((await audited('invalid_body')) - before).toBe(8);
    const refused = answers.find(({ status }) => status === 429);
    if (refused !== undefined) expectLimited(refused, 'sender', 8, 480);
    expect((await others.post(envelope({ reportId }))).says).toBe('rate_limited');
    const [counted] = await system.sql`select sum(requests)::int as requests from public.webhook_refusals`;
    expect(counted).toEqual({ requests: 23 });
  });

  it('is answered 429 for invalid pings, while a valid ping is answered', async () => {
    await limit('sender', 1, 1);
    const ping = async (body: unknown) => {
      const bytes = new TextEncoder().encode(JSON.stringify(body));
      const headers = sign(parseWebhookSecret(OTHER_KEY), randomUUID(), Date.now(), bytes);
      const response = await fetch(system.url('/api/ping'), {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: bytes,
      });
      await response.text();
      return response.status;
    };
    expect(await ping({ type: 'nothing' })).toBe(400);
    expect(await ping({ type: 'nothing' })).toBe(429);
    expect(await ping({ type: 'polaris.ping', timestamp: new Date().toISOString() })).toBe(200);
  });

  it('is let through where the limiter fails, with an invalid body too', async () => {
    const { sql } = system;
    await sql`alter table private.rate_buckets rename to rate_buckets_of_old`;
    try {
      const [bad, good] = [randomUUID(), randomUUID()];
      expect((await others.post({ type: 'nothing' }, { id: bad })).says).toBe('invalid_body');
      expect((await others.post(envelope({ reportId }), { id: good })).says).toBe('applied');
      for (const id of [bad, good]) {
        const [audit] = await sql`select error_message from public.webhook_audit where event_id = ${id}`;
        expect(audit?.['error_message']).toContain('could not check the rate limit: ');
      }
    } finally {
      await sql`alter table private.rate_buckets_of_old rename to rate_buckets`;
    }
  });
});

describe('a report', () => {
  it('takes 30 events at once, and notifies its owner no more often', async () => {
    const { reportId: own, userId } = await system.createReport();
    const answers = await inTurns(69, (number) =>
      others.post(envelope({ reportId: own, stage: 'final', text: `final ${number}` }), { stage: 'final' }),
    );
    const [told] = await system.sql<{ count: number }[]>`
      select count(*)::int as count from public.report_notifications where user_id = ${userId}`;
    // One comes back every ten seconds.
    expect(told?.count).toBeLessThanOrEqual(31);
    expect(answers.length - saying(answers, 'rate_limited')).toBeGreaterThanOrEqual(30);
    expect(answers.length - saying(answers, 'rate_limited')).toBeLessThanOrEqual(31);
    const refused = answers.find(({ status }) => status === 429);
    if (refused !== undefined) expectLimited(refused, 'report', 30, 300);
    expect((await others.post(envelope({ reportId }))).says).toBe('applied');
  });
});

describe('a pipeline with a bug', () => {
  it('gets 429 when it fills a report with jobs, each of which would become an event; others go on', async () => {
    await limit('report', 1, 3);
    const client = jobClient(system);
    const body = { prompt: 'p', report_type: 'org', report_id: reportId, generate: false };
    const answers = [];
    for (let job = 0; job < 4; job += 1) answers.push(await client.post(body));
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 429]);
    const refused = answers.at(-1);
    expect(refused?.json).toMatchObject({ code: 'rate_limited' });
    if (refused !== undefined) expectLimited(refused, 'report', 3, 180);
    const { reportId: another } = await system.createReport();
    expect((await client.post({ ...body, report_id: another })).status).toBe(202);
    const [kept] =
      await system.sql`select count(*)::int as jobs from private.job_runs where report_id = ${reportId}`;
    expect(kept).toEqual({ jobs: 3 });
  });
});

describe('a user', () => {
  it('gets 429 for new jobs over the rate; what is answered already costs nothing', async () => {
    await limit('job', 1, 3);
    const user = await system.createUser();
    const { reportId: own } = await system.createReport({ userId: user.id });
    const client = jobClient(system, user.accessToken);
    const body = { prompt: 'p', report_type: 'org', report_id: own, generate: false };
    for (const key of ['one', 'two', 'two', 'two', 'three'])
      expect((await client.post(body, key)).status).toBe(202);
    const refused = await client.post(body, 'four');
    expect(refused.json).toMatchObject({ code: 'rate_limited' });
    expectLimited(refused, 'job', 3, 180);
    expect((await client.post(body, 'three')).status).toBe(202);
    // Another user has a bucket of their own, and the pipeline none of this kind.
    const other = await system.createUser();
    const { reportId: theirs } = await system.createReport({ userId: other.id });
    expect((await jobClient(system, other.accessToken).post({ ...body, report_id: theirs })).status).toBe(
      202,
    );
    for (let job = 0; job < 4; job += 1)
      expect((await jobClient(system).post({ ...body, report_id: own })).status).toBe(202);
  });

  it('gets a job where the limiter fails', async () => {
    const { sql } = system;
    const user = await system.createUser();
    const { reportId: own } = await system.createReport({ userId: user.id });
    await sql`alter table private.rate_limits rename to rate_limits_of_old`;
    try {
      const client = jobClient(system, user.accessToken);
      await client.request(own, { generate: false });
    } finally {
      await sql`alter table private.rate_limits_of_old rename to rate_limits`;
    }
  });
});

describe('an owner over the rate of writes', () => {
  const BURST = 4;
  let owner: Awaited<ReturnType<TestSystem['createUser']>>;
  beforeEach(async () => {
    await limit('write', 1, BURST);
    owner = await system.createUser();
    ({ reportId } = await system.createReport({ userId: owner.id }));
  });

  async function rest(method: string, query: string, body: object, prefer = '') {
    const response = await fetch(`${system.supabase.url}/rest/v1/org_reports${query}`, {
      method,
      headers: {
        apikey: system.supabase.publishableKey,
        authorization: `Bearer ${owner.accessToken}`,
        'content-type': 'application/json',
        ...(prefer !== '' && { prefer }),
      },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, text };
  }
  const edit = (text: string) => rest('PATCH', `?id=eq.${reportId}`, { research_report: text });
  const row = (id: string = randomUUID()) => ({ id, user_id: owner.id, user_data: {} });
  const count = async () =>
    (await system.sql`select from public.org_reports where user_id = ${owner.id}`).length;

  const expectRefused = ({ status, text }: { status: number; text: string }) => {
    expect(status).toBe(429);
    expect(JSON.parse(text)).toEqual({
      code: 'PT429',
      message: `too many changes of reports: at most ${BURST} within ${60 * BURST} seconds`,
      details: null,
      hint: expect.stringMatching(/^Wait \d+ seconds, then write again\.$/) as string,
    });
  };

  it('gets 429 of the REST API for an edit, which changes nothing', async () => {
    for (let number = 0; number < BURST; number += 1)
      expect((await edit(`text ${number}`)).status).toBeLessThan(300);
    expectRefused(await edit('too many'));
    const [report] = await system.sql`select research_report from public.org_reports where id = ${reportId}`;
    expect(report).toEqual({ research_report: `text ${BURST - 1}` });
  });

  it('gets 429 for an insert', async () => {
    for (let number = 0; number < BURST; number += 1)
      expect((await rest('POST', '', row())).status).toBe(201);
    expectRefused(await rest('POST', '', row()));
    expect(await count()).toBe(1 + BURST);
  });

  it('gets 429 for an insert of more rows than the bucket has, of which none stays', async () => {
    expectRefused(
      await rest(
        'POST',
        '',
        Array.from({ length: BURST + 1 }, () => row()),
      ),
    );
    expect(await count()).toBe(1);
    expect(
      (
        await rest(
          'POST',
          '',
          Array.from({ length: BURST }, () => row()),
        )
      ).status,
    ).toBe(201);
  });

  it('pays one token for each row of an upsert, whether it is new or there', async () => {
    const upsert = () => rest('POST', '', [row(reportId), row()], 'resolution=merge-duplicates');
    for (let number = 0; number < BURST / 2; number += 1) expect((await upsert()).status).toBeLessThan(300);
    expectRefused(await upsert());
  });

  it('may still delete', async () => {
    for (let number = 0; number < BURST; number += 1) await edit(`text ${number}`);
    expectRefused(await edit('too many'));
    expect((await rest('DELETE', `?id=eq.${reportId}`, {})).status).toBeLessThan(300);
    expect(await count()).toBe(0);
  });

  it('is let through where the limiter fails', async () => {
    const { sql } = system;
    await sql`alter table private.rate_buckets rename to rate_buckets_of_old`;
    try {
      for (let number = 0; number <= BURST; number += 1)
        expect((await edit(`text ${number}`)).status).toBeLessThan(300);
    } finally {
      await sql`alter table private.rate_buckets_of_old rename to rate_buckets`;
    }
  });

  it('waits for their own insert that takes the last tokens, for as long as that lasts', async () => {
    const { sql } = system;
    let second: Promise<unknown> | undefined;
    await asUser(sql, owner.id, async (own) => {
      await own`insert into public.org_reports ${own(Array.from({ length: BURST }, () => row()))}`;
      second = asUser(sql, owner.id, (other) => other`insert into public.org_reports ${other(row())}`).catch(
        (error: unknown) => error,
      );
      await untilSomebodyWaits(sql);
      // Not for the bucket: of that they would be let through after a second.
      const waiting = await sql`
        select wait_event from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
      expect([...waiting]).toEqual([{ wait_event: 'advisory' }]);
    });
    expect(await second).toMatchObject({ code: 'PT429' });
  });

  it('meets itself in any order of rows without a deadlock, and no faster than the rate', async () => {
    const { sql } = system;
    await limit('write', 1, 100);
    const ids = [reportId, ...Array.from({ length: 3 }, () => randomUUID())];
    await asUser(
      sql,
      owner.id,
      (own) => own`insert into public.org_reports ${own(ids.map((id) => row(id)).slice(1))}`,
    );
    const work = (number: number) => {
      const order = number % 2 === 0 ? ids : ids.toReversed();
      return asUser(sql, owner.id, async (own) => {
        if (number % 3 === 0) {
          const rows = order.map((id) => ({ ...row(id), research_report: `upsert ${number}` }));
          await own`
            insert into public.org_reports ${own(rows)} on conflict (id) do update set research_report = excluded.research_report`;
        } else if (number % 3 === 1) {
          await own`insert into public.org_reports ${own(order.map(() => row()))}`;
        } else {
          for (const id of order)
            await own`update public.org_reports set research_report = ${`edit ${number}`} where id = ${id}`;
        }
      }).then(
        () => 'written',
        (error: unknown) => (error instanceof Error && 'code' in error ? error.code : String(error)),
      );
    };
    const outcomes = await inTurns(40, work);
    // 3 tokens are gone, and each of these needs 4.
    expect(outcomes.filter((outcome) => outcome === 'written')).toHaveLength(24);
    expect(new Set(outcomes)).toEqual(new Set(['written', 'PT429']));
  });
});

it('has a schema that fits what SQL says', async () => {
  const [row] = await system.sql`
    insert into private.rate_buckets (kind, key, part, full_at) values ('report', 'r', 0, now() + interval '5 minutes')
    returning private.rate_refusal('report', 'r') as said`;
  expect(rateRefusal.parse(row?.['said'])).toMatchObject({
    policy: 'report',
    quota: 30,
    window_seconds: 300,
  });
});
