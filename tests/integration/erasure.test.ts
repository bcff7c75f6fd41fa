import { randomUUID } from 'node:crypto';
import type postgres from 'postgres';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createReport, createTestDatabase, type TestDatabase } from '../support/database.ts';
import { asUser } from '../support/locks.ts';
import { storeClient } from '../support/store.ts';
import { subscriberClient } from '../support/subscribers.ts';

let database: TestDatabase;
let sql: postgres.Sql;
let store: ReturnType<typeof storeClient>;
beforeAll(async () => {
  database = await createTestDatabase();
  ({ sql } = database);
  store = storeClient(sql);
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});
/** What every text of a test has in it, and nothing else. */
let canary: string;
beforeEach(() => {
  canary = `canary${randomUUID().replaceAll('-', '')}`;
});

/** Each text of ours and of the platform's tables that we write, as `table.column`, that has the canary in it. */
async function sightings(of = canary): Promise<string[]> {
  const columns = await sql<{ schema: string; table: string; column: string }[]>`
    select nspname as schema, relname as table, attname as column
    from pg_attribute
    join pg_class on pg_class.oid = attrelid and relkind = 'r'
    join pg_namespace on pg_namespace.oid = relnamespace
    where nspname in ('public', 'private') and attnum > 0 and not attisdropped
      and atttypid in ('text'::regtype, 'varchar'::regtype, 'jsonb'::regtype, 'json'::regtype)
      and relname not like 'polaris%' and relname <> 'profiles'
    order by 1, 2, 3`;
  expect(columns.length).toBeGreaterThan(60);
  const seen: string[] = [];
  for (const { schema, table, column } of columns) {
    const rows = await sql`
      select from ${sql(`${schema}.${table}`)} where strpos(${sql(column)}::text, ${of}) > 0 limit 1`;
    if (rows.length > 0) seen.push(`${table}.${column}`);
  }
  return seen;
}

/** Every fingerprint that a text of ours may have left. */
async function fingerprints(): Promise<string[]> {
  const rows = await sql<{ print: string }[]>`
    select digest as print from public.report_events
    union select request_digest from private.job_runs where request_digest is not null
    union select body_sha256 from public.webhook_audit where body_sha256 is not null
    union select request_payload ->> 'digest' from public.webhook_audit where request_payload ? 'digest'`;
  return rows.map(({ print }) => print);
}

interface Sent {
  id: string;
  body: object;
}

function webhook(reportId: string, change: object = {}, type = 'report.prelim.completed'): Sent {
  const id = `sent_${randomUUID()}`;
  return {
    id,
    body: {
      type,
      timestamp: '2026-03-01T00:00:00Z',
      data: {
        job_id: `job_${id}`,
        report_id: reportId,
        report_type: 'org',
        research_status: type.split('.')[2],
        ...(type.endsWith('completed')
          ? {
              research_report: `text ${canary}`,
              research_metadata: { [canary]: canary },
              final_data: { list: [canary] },
            }
          : { error: `error ${canary}` }),
        ...change,
      },
    },
  };
}

async function receive({ id, body }: Sent, endpoint = 'prelim-report'): Promise<string> {
  const [row] = await sql`
    select public.apply_report_event(
      ${id}, 'webhook', ${JSON.stringify(body)}, ${endpoint}, ${`sha_${canary}`}, 100) ->> 'outcome' as outcome`;
  return row?.['outcome'] as string;
}

/** A receiver that echoes what it is told. */
const ECHO = () => [
  {
    status: 500,
    duration_ms: 5,
    authentic: false,
    request: { url: 'https://a.example/api/webhooks/prelim-report', headers: { 'webhook-id': 'evt' } },
    response: { body: `echo ${canary}`, headers: { server: canary } },
    error: `error ${canary}`,
  },
];

async function request(reportId: string | null, caller: string, generate = true) {
  const [row] = await sql<{ answer: { outcome: string; job: { job_id: string } } }[]>`
    select public.request_report_job(
      p_job_id => ${`job_${randomUUID()}`}, p_caller => ${caller}, p_prompt => ${`prompt ${canary}`}, p_generate => ${generate},
      p_lease_seconds => 60, p_quota => 100, p_report_type => ${reportId === null ? null : 'org'}, p_report_id => ${reportId},
      p_stage => ${reportId === null ? null : 'prelim'}, p_idempotency_key => ${`key ${canary} ${randomUUID()}`},
      p_model => ${`model ${canary}`}, p_metadata => ${JSON.stringify({ [canary]: canary })}) as answer`;
  if (row === undefined) throw new Error('no answer');
  return row.answer.job.job_id;
}

async function complete(jobId: string, status = 'completed') {
  const [row] = await sql<
    {
      answer: {
        outcome: string;
        delivery?: { delivery_id: number; delivery_token: number; event_id: string; body: string };
      };
    }[]
  >`
    select public.complete_report_job(
      p_job_id => ${jobId}, p_status => ${status}, p_delivery_lease_seconds => 30,
      p_research_report => ${status === 'completed' ? `result ${canary} ${randomUUID()}` : null},
      p_research_metadata => ${JSON.stringify({ [canary]: [canary] })},
      p_error => ${status === 'failed' ? `failure ${canary}` : null}) as answer`;
  return row?.answer;
}

/** Everything that callers, owners, the platform and answers can fill, for one report. */
async function fill(
  userId: string,
  reportId: string,
): Promise<{ sent: Sent[]; held: { delivery_id: number; delivery_token: number; event_id: string } }> {
  const sent = [webhook(reportId), webhook(reportId, {}, 'report.prelim.failed')];
  for (const event of sent) await receive(event);
  await receive({ ...webhook(reportId), id: sent[0]?.id ?? '' });
  for (const status of ['completed', 'failed']) {
    const completed = await complete(await request(reportId, userId), status);
    if (completed?.delivery === undefined) throw new Error('nothing to send');
    await store.record(completed.delivery, 'refused', ECHO());
  }
  await asUser(
    sql,
    userId,
    (owner) => owner`
      update public.org_reports set research_report = ${`edit ${canary}`}, user_data = ${sql.json({ about: canary })}
      where id = ${reportId}`,
  );
  await sql`
    select public.update_webhook_status('org_reports', ${reportId}, ${`status ${canary}`}, ${sql.json({ [canary]: canary })})`;
  await sql`
    insert into public.webhook_audit (webhook_type, job_id, report_id, request_payload, response_body, error_message)
    values ('prelim-report', 'job', ${reportId}, ${sql.json({ prompt: canary, data: { prompt: canary } })},
      ${sql.json({ echo: canary })}, ${`error ${canary}`})`;
  // One that runs, and one whose delivery a sender holds.
  await request(reportId, userId);
  const last = await complete(await request(reportId, 'pipeline', false));
  if (last?.delivery === undefined) throw new Error('nothing to send');
  return { sent, held: last.delivery };
}

async function problems(): Promise<unknown[]> {
  return [...(await sql`select * from public.verify_reports()`)];
}

/** The states that nobody may lose: what happened, in which order, and that there was an audit row of it. */
async function facts(reportId: string) {
  return {
    events: [
      ...(await sql`
        select id, type, stage, job_id, requested_at, channel, effect, position from public.report_events
        where report_id = ${reportId} order by id`),
    ],
    audit: [
      ...(await sql`
        select id, outcome, event_id, job_id, response_status, attempt_number, body_bytes from public.webhook_audit
        where report_id = ${reportId} order by id`),
    ],
    jobs: [
      ...(await sql`select job_id, stage, caller from private.job_runs where report_id = ${reportId} order by 1`),
    ],
  };
}

describe('a report that its owner deletes', () => {
  it('leaves nothing of what anybody said of it, in any column, and all facts', async () => {
    const { userId, reportId } = await createReport(sql);
    const { sent, held } = await fill(userId, reportId);
    const seen = await sightings();
    for (const place of [
      'org_reports.research_report',
      'report_contents.final_data',
      'report_events.error',
      'job_runs.prompt',
      'job_runs.metadata',
      'job_runs.error',
      'job_runs.model',
      'job_runs.caller_key',
      'report_jobs.error',
      'webhook_audit.request_payload',
      'webhook_audit.response_body',
      'webhook_audit.error_message',
      'webhook_audit.body_sha256',
      'webhook_deliveries.response',
    ])
      expect(seen).toContain(place);
    const before = await facts(reportId);
    const prints = await fingerprints();
    expect(await problems()).toEqual([]);
    await asUser(sql, userId, (owner) => owner`delete from public.org_reports where id = ${reportId}`);
    expect(await problems()).toEqual([]);
    expect(await store.erase()).toMatchObject({ reports: 1, users: [], errors: [], left: false });
    expect(await sightings()).toEqual([]);
    const own = (await fingerprints()).filter((print) => prints.includes(print));
    expect(own).toEqual([]);
    expect(await facts(reportId)).toEqual(before);
    expect(await problems()).toEqual([]);

    // Whatever comes under these ids, with this or other content; nothing of it stays.
    for (const { id, body } of sent) {
      expect(await receive({ id, body })).toBe('duplicate');
      expect(await receive({ ...webhook(reportId, { research_report: `other ${canary}` }), id })).toBe(
        'duplicate',
      );
      expect(await receive({ ...webhook(randomUUID(), {}, 'report.prelim.failed'), id })).toBe('duplicate');
    }
    // The sender that held its delivery tells only now what the receiver echoed.
    await store.record(held, 'failed', ECHO());
    await sql`
      select public.update_webhook_status('org_reports', ${reportId}, 'failed', ${sql.json({ [canary]: canary })})`;
    expect(await sightings()).toEqual([]);
    const open = await sql`
      select dead_reason from public.webhook_deliveries
      where report_id = ${reportId} and status <> 'success' and dead_at is null`;
    expect([...open]).toEqual([]);
    // Erasing twice is harmless.
    await sql`insert into private.erasures (user_id, report_type, report_id) values (${userId}, 'org', ${reportId})`;
    expect(await store.erase()).toMatchObject({ reports: 1, left: false });
    expect(await problems()).toEqual([]);
  });

  it('ends a running job, whose result then comes too late', async () => {
    const { userId, reportId } = await createReport(sql);
    const jobId = await request(reportId, userId);
    await sql`delete from public.org_reports where id = ${reportId}`;
    await store.erase();
    expect(await complete(jobId)).toEqual({ outcome: 'report_not_found' });
    const [row] = await sql`select public.report_job_progress(${jobId}, 1, 50, 60) as is_mine`;
    expect(row).toEqual({ is_mine: false });
    expect(await sightings()).toEqual([]);
  });

  const HELD = [
    'public.webhook_deliveries',
    'private.job_runs',
    'public.report_events',
    'public.webhook_audit',
  ];
  it.each(HELD)('is erased by a later sweep where another transaction holds a row of %s', async (table) => {
    const { userId, reportId } = await createReport(sql);
    await fill(userId, reportId);
    await sql`delete from public.org_reports where id = ${reportId}`;
    await sql.begin(async (holder) => {
      await holder`select from ${holder(table)} where report_id = ${reportId} for update`;
      expect(await store.erase()).toMatchObject({ reports: 0, errors: [], left: true });
    });
    expect(await store.erase()).toMatchObject({ reports: 1, left: false });
    expect(await sightings()).toEqual([]);
  });

  it.each(['failed', 'delivered'])(
    'before its result is applied gives the result no effect (the attempt in flight: %s)',
    async (result) => {
      const { reportId } = await createReport(sql);
      const { run } = await store.request(reportId);
      const { delivery } = await store.complete(run.job_id, run.lease_token);
      if (delivery === undefined) throw new Error('nothing to send');
      await sql`delete from public.org_reports where id = ${reportId}`;
      await store.erase();
      const attempt = [{ status: 500, duration_ms: 5, authentic: false }];
      expect(await store.record(delivery, result, attempt)).toMatchObject({ effect: null });
      const [event] = await sql`
        select effect, erased_at is not null as erased from public.report_events where id = ${delivery.event_id}`;
      expect(event).toEqual({ effect: null, erased: true });
    },
  );

  it('tells subscribers at a later call where telling them failed', async () => {
    const subscribers = subscriberClient(sql);
    const { endpointId } = await subscribers.active();
    const { reportId } = await createReport(sql);
    await sql`update public.org_reports set research_report = 'text' where id = ${reportId}`;
    await sql`delete from public.org_reports where id = ${reportId}`;
    await sql.unsafe(`
      create function private.test_fault() returns trigger language plpgsql as $$ begin raise exception 'a fault'; end $$;
      create trigger zz_test_fault before insert on public.webhook_deliveries for each row execute function private.test_fault()`);
    try {
      expect(await store.erase()).toMatchObject({ reports: 0, left: true, errors: [{ error: 'a fault' }] });
    } finally {
      await sql.unsafe(
        'drop trigger zz_test_fault on public.webhook_deliveries; drop function private.test_fault()',
      );
    }
    expect(await store.erase()).toMatchObject({ reports: 1, left: false });
    const deliveries = await subscribers.deliveries(endpointId);
    expect(deliveries.map(({ status }) => status as string)).toEqual(['cancelled', 'pending']);
    await subscribers.move(endpointId, 'removed');
  });

  it('takes nothing of other people', async () => {
    const { userId, reportId } = await createReport(sql);
    await fill(userId, reportId);
    const other = await createReport(sql);
    await receive(webhook(other.reportId));
    await sql`delete from public.org_reports where id = ${reportId}`;
    expect(await store.erase()).toMatchObject({ reports: 1, left: false });
    const [kept] = await sql`
      select report.research_report, content.research_report as content, event.erased_at
      from public.org_reports report
      join public.report_events event on event.id = report.winner_event_id
      join private.report_contents content on content.event_id = event.id
      where report.id = ${other.reportId}`;
    expect(kept).toEqual({ research_report: `text ${canary}`, content: `text ${canary}`, erased_at: null });
  });

  it('is erased although another one cannot be, which the answer names', async () => {
    const { userId, reportId } = await createReport(sql);
    await receive(webhook(reportId));
    await sql`insert into private.erasures (user_id, report_type, report_id) values (${userId}, 'unknown', ${reportId})`;
    await sql`delete from public.org_reports where id = ${reportId}`;
    expect(await store.erase()).toMatchObject({
      reports: 1,
      errors: [{ report_id: reportId, error: expect.any(String) as string }],
      left: true,
    });
    expect(await sightings()).toEqual([]);
    await sql`delete from private.erasures where report_type = 'unknown'`;
  });

  it('is erased in bounded batches', async () => {
    const { reportId } = await createReport(sql);
    for (let n = 0; n < 5; n += 1) await receive(webhook(reportId));
    await sql`delete from public.org_reports where id = ${reportId}`;
    let calls = 0;
    while ((await store.erase(2)).left) calls += 1;
    expect(calls).toBeGreaterThan(1);
    expect(await sightings()).toEqual([]);
  });
});

async function person() {
  const { userId, reportId } = await createReport(sql);
  await fill(userId, reportId);
  await receive(webhook(reportId, {}, 'report.final.completed'), 'final-report');
  await complete(await request(null, userId));
  await complete(await request(null, userId), 'failed');
  await request(null, userId);
  await sql`
    insert into public.report_jobs (job_id, user_id, status, prompt, result, metadata)
    values (${`platform_${randomUUID()}`}, ${userId}, 'succeeded', 'prompt of the platform', 'result of the platform',
      ${sql.json({ report_type: 'org' })})`;
  return { userId, reportId };
}

describe('content in the audit', () => {
  it('is what the eraser would change, in rows of every form', async () => {
    const payloads = [
      null,
      'null',
      '[]',
      '"text"',
      '{}',
      '{"id": "a", "url": "b"}',
      '{"prompt": "a"}',
      '{"data": {}}',
      '{"data": null}',
      '{"data": "text"}',
      '{"data": ["a"]}',
      '{"data": {"job_id": "a", "report_id": "b"}}',
      '{"data": {"error": "a"}}',
      '{"data": {"job_id": "a"}, "plan": "b"}',
      '{"data": {"job_id": "a"}, "other": "b"}',
    ];
    const made = randomUUID();
    await sql`
      insert into public.webhook_audit (
        outcome, direction, webhook_type, event_id, request_payload, response_body, error_message, body_sha256)
      select outcome, 'in', 'prelim-report', ${made}, payload::jsonb, body::jsonb, error, sha
      from unnest(${payloads}::text[]) payload, unnest('{null,applied}'::text[]) outcome,
        (values (null, null, null), ('{}', null, null), (null, 'a', null), (null, null, 'a')) rest (body, error, sha)`;
    const rows = await sql<{ found: boolean; changed: boolean }[]>`
      select id in (select id from private.audit_with_content) as found,
        private.without_content(audit) operator(pg_catalog.*<>) audit as changed
      from public.webhook_audit audit where event_id = ${made}`;
    expect(rows).toHaveLength(payloads.length * 2 * 4);
    expect(rows.filter(({ found, changed }) => found !== changed)).toEqual([]);
    expect(rows.filter(({ found }) => found).length).toBeGreaterThan(rows.length / 2);
    expect(rows.filter(({ found }) => !found).length).toBeGreaterThan(5);
  });
});

describe('an erasure that takes longer than a call may', () => {
  /** Audit rows of an event: as many as a sender with a bug makes. */
  async function repeat(eventId: string, count: number): Promise<void> {
    await sql`
      insert into public.webhook_audit (direction, outcome, event_id, report_id, webhook_type, body_sha256, request_payload)
      select 'in', 'duplicate', id, report_id, 'prelim-report', 'sha', '{"data": {"error": "text"}}'
      from public.report_events, generate_series(1, ${count}) where id = ${eventId}`;
  }

  it('ends by itself, call by call, and says that there is more to do', async () => {
    const { reportId } = await createReport(sql);
    const sent = webhook(reportId);
    await receive(sent);
    await repeat(sent.id, 5000);
    await sql`delete from public.org_reports where id = ${reportId}`;
    let calls = 0;
    for (let left = true; left; calls += 1) {
      expect(calls).toBeLessThan(20);
      const [row] = await sql<{ answer: { left: boolean } }[]>`select public.erase_due(100) as answer`;
      left = row?.answer.left ?? true;
    }
    expect(calls).toBeGreaterThan(1);
    expect(await sightings()).toEqual([]);
  });

  it('that is cancelled comes last at the next call, and keeps no other waiting', async () => {
    const [heavy, light] = [await createReport(sql), await createReport(sql)];
    for (const { reportId } of [heavy, light]) {
      await receive(webhook(reportId));
      await sql`delete from public.org_reports where id = ${reportId}`;
    }
    // What takes longer than the call may: the first erasure that is tried.
    await sql`
      create function public.take_long() returns trigger language plpgsql as $$
      begin perform pg_sleep(5); return new; end $$`;
    await sql.unsafe(`
      create trigger take_long before update on public.report_events for each row
      when (new.report_id = '${heavy.reportId}') execute function public.take_long()`);
    // As PostgREST limits the call, but to less.
    const erase = () =>
      sql.begin(async (call) => {
        await call`set local statement_timeout = '1s'`;
        const [row] = await call<{ answer: object }[]>`select public.erase_due(100) as answer`;
        return row?.answer;
      });
    try {
      expect(await erase()).toMatchObject({
        errors: [{ report_id: heavy.reportId }],
        busy: true,
        left: true,
      });
      expect(await erase()).toMatchObject({ errors: [{ report_id: heavy.reportId }] });
      const left = await sql`select report_id from private.erasures where report_id is not null`;
      expect([...left]).toEqual([{ report_id: heavy.reportId }]);
    } finally {
      await sql.unsafe('drop trigger take_long on public.report_events; drop function public.take_long()');
    }
    expect(await erase()).toMatchObject({ reports: 1, errors: [], left: false });
  });
});

describe('what is said of a report after its erasure', () => {
  it('is not kept where it stands in a body under the id of another report’s event', async () => {
    const [kept, gone] = [await createReport(sql), await createReport(sql)];
    const event = webhook(kept.reportId);
    await receive(event);
    await sql`delete from public.org_reports where id = ${gone.reportId}`;
    await sql`select public.erase_due(100)`;
    const conflict = { ...webhook(gone.reportId, {}, 'report.prelim.failed'), id: event.id };
    expect(await receive(conflict)).toBe('event_conflict');
    const rows = await sql`
      select body_sha256, request_payload #>> '{data,error}' as error from public.webhook_audit
      where report_id = ${gone.reportId}`;
    expect([...rows]).toEqual([{ body_sha256: null, error: null }]);
  });

  it('is not kept where it is refused for a rate, and is erased where the report goes later', async () => {
    const [there, gone] = [await createReport(sql), await createReport(sql)];
    await sql`delete from public.org_reports where id = ${gone.reportId}`;
    const refused = async ({ id, body }: Sent) => {
      const [row] = await sql<{ outcome: string }[]>`
        select public.apply_report_event(
          ${id}, 'webhook', ${JSON.stringify(body)}, 'prelim-report', ${`sha_${canary}`}, 100,
          p_sender => 'sender', p_cap_per_minute => 1000) ->> 'outcome' as outcome`;
      return row?.outcome;
    };
    const hashes = (reportId: string) => sql`
      select body_sha256 from public.webhook_audit where report_id = ${reportId} and outcome = 'rate_limited'`;
    await sql`update private.rate_limits set tokens_per_minute = 1, burst = 1 where kind = 'report'`;
    try {
      for (const { reportId } of [there, gone]) {
        await sql`
          insert into private.rate_buckets (kind, key, part, full_at)
          values ('report', ${`org:${reportId}`}, 0, now() + interval '1 minute')`;
        expect(await refused(webhook(reportId))).toBe('rate_limited');
      }
      expect([...(await hashes(gone.reportId))]).toEqual([{ body_sha256: null }]);
      expect([...(await hashes(there.reportId))]).toEqual([{ body_sha256: `sha_${canary}` }]);
      await sql`delete from public.org_reports where id = ${there.reportId}`;
      await sql`select public.erase_due(100)`;
      expect([...(await hashes(there.reportId))]).toEqual([{ body_sha256: null }]);
    } finally {
      await sql`update private.rate_limits set tokens_per_minute = 6, burst = 30 where kind = 'report'`;
    }
  });
});

describe('an account that is deleted', () => {
  it.each([
    ['from Auth', (userId: string) => sql`delete from auth.users where id = ${userId}`],
    ['softly', (userId: string) => sql`update auth.users set deleted_at = now() where id = ${userId}`],
  ])('%s leaves nothing of it', async (_way, remove) => {
    const { userId } = await person();
    await remove(userId);
    expect(await problems()).toEqual([]);
    let users: string[] = [];
    for (let left = true; left;) {
      const answer = await store.erase();
      users = [...users, ...answer.users];
      ({ left } = answer);
    }
    expect(users).toEqual([userId]);
    expect(await sightings()).toEqual([]);
    for (const table of ['org_reports', 'report_notifications'])
      expect(await sql`select from ${sql(`public.${table}`)} where user_id = ${userId}`).toHaveLength(0);
    expect(await problems()).toEqual([]);
  });

  it('is found by verify where nobody noted it, as is an erasure that takes days', async () => {
    const { userId } = await createReport(sql);
    const jobId = await request(null, userId);
    await sql`delete from auth.users where id = ${userId}`;
    await sql`delete from private.erasures where user_id = ${userId}`;
    expect(await problems()).toMatchObject([
      { problem: 'a job of a deleted account that still has content', job_id: jobId },
    ]);
    await sql`insert into private.erasures (user_id, requested_at) values (${userId}, now() - interval '25 hours')`;
    expect(await problems()).toMatchObject([{ problem: 'an overdue erasure' }]);
    await store.erase();
    expect(await problems()).toEqual([]);
  });
});

describe('an owner’s edit', () => {
  async function edit(userId: string, reportId: string, text: string) {
    await asUser(
      sql,
      userId,
      (owner) => owner`update public.org_reports set research_report = ${text} where id = ${reportId}`,
    );
  }

  it('loses its content at once when the same owner edits again within 10 minutes', async () => {
    const { userId, reportId } = await createReport(sql);
    await receive(webhook(reportId));
    for (const n of [1, 2, 3]) await edit(userId, reportId, `edit ${n} ${canary}`);
    const contents = await sql`
      select content.research_report as text, event.erased_at is not null as erased
      from public.report_events event left join private.report_contents content on content.event_id = event.id
      where event.report_id = ${reportId} order by event.position`;
    expect([...contents]).toEqual([
      { text: `text ${canary}`, erased: false },
      { text: null, erased: true },
      { text: null, erased: true },
      { text: `edit 3 ${canary}`, erased: false },
    ]);
    expect(await problems()).toEqual([]);
  });

  it('keeps its content for the retention when the next one is later', async () => {
    const { userId, reportId } = await createReport(sql);
    await edit(userId, reportId, 'first');
    await sql`alter table public.report_events disable trigger keep_event`;
    await sql`
      update public.report_events set applied_at = applied_at - interval '10 minutes' where report_id = ${reportId}`;
    await sql`alter table public.report_events enable trigger keep_event`;
    await edit(userId, reportId, 'second');
    const [row] = await sql`
      select count(*)::int as contents from private.report_contents
      where event_id in (select id from public.report_events where report_id = ${reportId})`;
    expect(row).toEqual({ contents: 2 });
  });
});

describe('the erasure of a person whose account stands', () => {
  const content = async (userId: string) => {
    const [row] = await sql<
      { answer: { content: { what: string; things: number }[]; kept: { place: string; things: number }[] } }[]
    >`select public.account_content(${userId}) as answer`;
    if (row === undefined) throw new Error('no answer');
    return row.answer;
  };
  async function eraseUser(userId: string): Promise<void> {
    for (let left = true; left;) {
      const [row] = await sql<
        { answer: { left: boolean; errors: object[] } }[]
      >`select public.erase_user(${userId}, 100) as answer`;
      expect(row?.answer.errors).toEqual([]);
      left = row?.answer.left ?? false;
    }
  }

  it('leaves nothing of it, and says before and after what there is and what the platform holds', async () => {
    const { userId } = await person();
    const before = await content(userId);
    expect(before.content.filter(({ things }) => things > 0).map(({ what }) => what)).toEqual([
      'org_reports',
      'events with content',
      'jobs with content',
      'deliveries with an answer',
      'audit rows with content',
      'notifications',
    ]);
    await eraseUser(userId);
    const after = await content(userId);
    expect(after.content.filter(({ things }) => things > 0)).toEqual([]);
    expect(after.kept).toEqual(
      expect.arrayContaining([
        { place: 'report_jobs.prompt', things: 1 },
        { place: 'report_jobs.result', things: 1 },
        { place: 'auth.users', things: 1 },
      ]),
    );
    expect(await sightings()).toEqual([]);
    expect(await problems()).toEqual([]);
    // Erasing twice is harmless.
    await eraseUser(userId);
    expect(await problems()).toEqual([]);
  });
});
