import { randomUUID } from 'node:crypto';
import type postgres from 'postgres';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createReport, createTestDatabase, type TestDatabase } from '../support/database.ts';
import { storeClient } from '../support/store.ts';

let database: TestDatabase;
let store: ReturnType<typeof storeClient>;
let userId: string;
let reportId: string;
beforeAll(async () => {
  database = await createTestDatabase();
  store = storeClient(database.sql);
});
beforeEach(async () => {
  ({ userId, reportId } = await createReport(database.sql));
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});

type Work<T> = (sql: postgres.TransactionSql) => Promise<T>;

async function as<T>(role: 'service_role' | 'authenticated', work: Work<T>): Promise<T> {
  const claims = JSON.stringify({ role, ...(role === 'authenticated' && { sub: userId }) });
  const result = await database.sql.begin(async (sql) => {
    await sql`select set_config('request.jwt.claims', ${claims}, true), set_config('role', ${role}, true)`;
    return { value: await work(sql) };
  });
  return result.value;
}
/** As the platform's functions write: with the service key. */
const platform = <T>(work: Work<T>) => as('service_role', work);
const owner = <T>(work: Work<T>) => as('authenticated', work);

async function report() {
  const [row] = await database.sql`
    select research_report, research_status, research_metadata, stage, webhook_status, webhook_job_id, winner_event_id
    from public.org_reports where id = ${reportId}`;
  return row;
}
const events = async () => [
  ...(await database.sql`
    select type, channel, effect, position::int, job_id, research_report from public.report_events
    left join private.report_contents on event_id = id where report_id = ${reportId} order by position`),
];

/** A whole job as the platform's first functions run it. Returns its id. */
async function platformJob(text: string, { fallback = false } = {}): Promise<string> {
  const jobId = randomUUID();
  await platform(
    (sql) => sql`
      insert into public.report_jobs (job_id, status, prompt, idempotency_key, metadata)
      values (${jobId}, 'queued', 'p', ${`org:${reportId}`}, '{}')`,
  );
  await platform(
    (sql) => sql`update public.org_reports set research_status = 'running' where id = ${reportId}`,
  );
  await platform(
    (sql) => sql`update public.report_jobs set status = 'running', percent = 40 where job_id = ${jobId}`,
  );
  await platform(
    (sql) =>
      sql`update public.report_jobs set status = 'succeeded', percent = 100, result = ${text} where job_id = ${jobId}`,
  );
  const metadata = (sql: postgres.TransactionSql) =>
    sql.json(fallback ? { model: 'm', job_id: jobId } : { model: 'm' });
  await platform(
    (sql) => sql`
      update public.org_reports
      set research_report = ${text}, research_status = 'completed', research_metadata = ${metadata(sql)},
        webhook_status = 'success', webhook_attempts = 1, webhook_job_id = ${fallback ? null : jobId}
      where id = ${reportId}`,
  );
  return jobId;
}

describe('what the platform’s functions write', () => {
  it.each([false, true])(
    'is an event of channel platform, with its job and an audit row (fallback: %s)',
    async (fallback) => {
      const jobId = await platformJob('by the platform', { fallback });
      expect(await report()).toMatchObject({
        research_report: 'by the platform',
        research_status: 'completed',
        stage: 'prelim',
        // The columns of the webhook are those of our own deliveries.
        webhook_status: 'pending',
        webhook_job_id: null,
      });
      expect(await events()).toEqual([
        {
          type: 'report.prelim.completed',
          channel: 'platform',
          effect: 'applied',
          position: 1,
          job_id: jobId,
          research_report: 'by the platform',
        },
      ]);
      const [job] = await database.sql`select status, caller from private.job_runs where job_id = ${jobId}`;
      expect(job).toEqual({ status: 'succeeded', caller: 'platform' });
      const [audited] = await database.sql`
      select outcome, actor from public.webhook_audit where report_id = ${reportId} and direction = 'in'`;
      expect(audited).toEqual({ outcome: 'applied', actor: 'platform' });
    },
  );

  it('shows the status of its job at each step, which is no finding', async () => {
    const jobId = randomUUID();
    const status = async () => (await report())?.['research_status'] as string;
    const findings = async () => [
      ...(await database.sql`select problem from public.verify_reports() where report_id = ${reportId}`),
    ];
    await database.sql`update public.org_reports set research_report = 'earlier' where id = ${reportId}`;
    await platform(
      (sql) => sql`
        insert into public.report_jobs (job_id, status, prompt, idempotency_key, metadata)
        values (${jobId}, 'queued', 'p', ${`org:${reportId}`}, '{}')`,
    );
    expect([await status(), await findings()]).toEqual(['pending', []]);
    await platform((sql) => sql`update public.report_jobs set status = 'running' where job_id = ${jobId}`);
    expect([await status(), await findings()]).toEqual(['running', []]);

    const other = randomUUID();
    await database.sql.begin(async (holder) => {
      await holder`select from public.org_reports where id = ${reportId} for update`;
      await platform(
        (sql) => sql`
          insert into public.report_jobs (job_id, status, prompt, idempotency_key, metadata)
          values (${other}, 'queued', 'p', ${`org:${reportId}`}, '{}')`,
      );
    });
    expect([await status(), await findings()]).toEqual(['running', []]);
    for (const id of [other, jobId])
      await platform((sql) => sql`update public.report_jobs set status = 'cancelled' where job_id = ${id}`);
    const jobs =
      await database.sql`select status from private.job_runs where job_id in ${database.sql([jobId, other])}`;
    expect([...jobs]).toEqual([{ status: 'cancelled' }, { status: 'cancelled' }]);
    expect([await status(), await findings()]).toEqual(['completed', []]);
  });

  it('for a cancelled job counts as a request without a job, also once the job is pruned', async () => {
    const failed = await store.request(reportId);
    await store.complete(failed.run.job_id, failed.run.lease_token);
    const cancelled = await store.request(reportId);
    await database.sql`select public.cancel_report_job(${cancelled.run.job_id}, 'pipeline')`;
    await platform(
      (sql) => sql`
        update public.org_reports set research_report = 'late', research_metadata = ${sql.json({ job_id: cancelled.run.job_id })}
        where id = ${reportId}`,
    );
    expect(await events()).toContainEqual(
      expect.objectContaining({ research_report: 'late', effect: 'applied', job_id: null }),
    );
    const before = await report();
    const known = (await events()).length;
    // Its function gives up: the failure of a cancelled job changes nothing.
    await platform(
      (sql) => sql`
        update public.org_reports
        set research_report = '', research_status = 'failed', webhook_job_id = ${cancelled.run.job_id}
        where id = ${reportId}`,
    );
    expect(await events()).toHaveLength(known);
    expect(await report()).toEqual(before);
    await database.sql`delete from private.job_runs where job_id = ${cancelled.run.job_id}`;
    const [status] = await database.sql`select private.report_status('org', ${reportId}) as status`;
    expect(status?.['status']).toBe(before?.['research_status']);
  });

  it.each(['running', 'completed', 'failed'])(
    'inserts a report without a text, which has no status yet: %s',
    async (status) => {
      await platform(
        (sql) => sql`
          insert into public.org_reports (id, user_id, research_status) values (gen_random_uuid(), ${userId}, ${status})
          returning id`,
      );
      const rows =
        await database.sql`select research_status from public.org_reports where user_id = ${userId} and id <> ${reportId}`;
      expect([...rows]).toEqual([{ research_status: 'pending' }]);
    },
  );

  it('keeps its text where an insert that becomes an update reports a failure', async () => {
    await platform(
      (sql) => sql`update public.org_reports set research_report = 'good' where id = ${reportId}`,
    );
    await platform(
      (sql) => sql`
        insert into public.org_reports (id, user_id, research_report, research_status)
        values (${reportId}, ${userId}, null, 'failed')
        on conflict (id) do update set research_report = excluded.research_report, research_status = excluded.research_status`,
    );
    expect(await report()).toMatchObject({ research_report: 'good', research_status: 'failed' });
  });

  it('gives a report to another user, who alone sees the jobs of the pipeline then', async () => {
    const { run } = await store.request(reportId);
    const mine = await store.request(reportId, { stage: 'final' }, null, userId);
    await database.sql`update private.job_runs set status = 'running' where job_id = ${mine.run.job_id}`;
    await database.sql`select private.show_job(${mine.run.job_id}), private.show_report_status('org', ${reportId})`;
    const next = await createReport(database.sql);
    await platform(
      (sql) => sql`update public.org_reports set user_id = ${next.userId} where id = ${reportId}`,
    );
    const seenBy = async (user: string, jobId: string) => {
      const [row] = await database.sql`select (private.job_for_caller(${jobId}, ${user})).job_id as id`;
      return row?.['id'] !== null;
    };
    expect([await seenBy(userId, run.job_id), await seenBy(next.userId, run.job_id)]).toEqual([false, true]);
    expect([await seenBy(userId, mine.run.job_id), await seenBy(next.userId, mine.run.job_id)]).toEqual([
      true,
      false,
    ]);
    // What a user asked for is erased with that user, although the report is another's by now.
    const [erased] = await database.sql<{ answer: { users: string[] } }[]>`
      select public.erase_user(${userId}, 100) as answer`;
    expect(erased?.answer.users).toEqual([userId]);
    const [left] = await database.sql`
      select prompt, status from private.job_runs where job_id = ${mine.run.job_id}`;
    expect(left).toEqual({ prompt: null, status: 'cancelled' });
    expect(await report()).toMatchObject({ research_status: 'pending' });
    const [shown] = await database.sql`select user_id from public.report_jobs where job_id = ${run.job_id}`;
    expect(shown).toEqual({ user_id: next.userId });
  });

  it('is a duplicate when the job’s text is written once more, and superseded when it is another', async () => {
    const jobId = await platformJob('first');
    const again = (text: string) =>
      platform(
        (sql) => sql`
          update public.org_reports set research_report = ${text}, webhook_job_id = ${jobId} where id = ${reportId}`,
      );
    await again('first');
    expect(await events()).toHaveLength(1);
    await platformJob('second');
    await again('first');
    await again('a third');
    expect(await report()).toMatchObject({ research_report: 'second' });
    expect(
      (await events()).map(({ effect, research_report }) => [effect as string, research_report as string]),
    ).toEqual([
      ['applied', 'first'],
      ['applied', 'second'],
      ['superseded', 'a third'],
    ]);
  });

  it.each([
    ['empty', ''],
    ['blank', ' \t\n'],
    ['blank beyond ASCII', '\u00a0\n\u3000'],
    ['null', null],
  ])('keeps the text where a job failed and left %s text, and says that it did', async (_name, text) => {
    await platformJob('good');
    await platform(
      (sql) => sql`
        update public.org_reports
        set research_report = ${text}, research_status = 'failed', research_metadata = '{"error": "no model"}'
        where id = ${reportId}`,
    );
    expect(await report()).toMatchObject({ research_report: 'good', research_status: 'failed' });
    expect((await events()).map(({ type }) => type as string)).toEqual([
      'report.prelim.completed',
      'report.prelim.failed',
    ]);
  });

  it('never gives a report another id, which its events would not have', async () => {
    await platformJob('good');
    await platform((sql) => sql`update public.org_reports set id = gen_random_uuid() where id = ${reportId}`);
    expect(await report()).toMatchObject({ research_report: 'good' });
  });

  it('never replaces a final of ours with a prelim', async () => {
    const { run } = await store.request(reportId, { stage: 'final' });
    const { delivery } = await store.complete(run.job_id, run.lease_token, 'the final');
    if (delivery) await store.record(delivery, 'delivered', [{ status: 200, authentic: true }]);
    await store.apply(delivery?.event_id ?? '');
    await platform(
      (sql) => sql`
        update public.org_reports set research_report = 'late prelim', research_metadata = '{"processing_stage": "prelim"}'
        where id = ${reportId}`,
    );
    expect((await events()).at(-1)).toMatchObject({
      type: 'report.prelim.completed',
      effect: 'superseded',
      research_report: 'late prelim',
    });
    expect(await report()).toMatchObject({ research_report: 'the final', stage: 'final' });
  });

  it('that gives a report to somebody else gives its notifications too, and nobody else’s', async () => {
    const other = await createReport(database.sql, { userId });
    const told = [];
    for (const id of [reportId, other.reportId]) {
      const { run } = await store.request(id, { stage: 'final' });
      const { delivery } = await store.complete(run.job_id, run.lease_token);
      if (delivery === undefined) throw new Error('nothing to send');
      await store.record(delivery, 'failed');
      told.push(delivery.event_id);
    }
    const { userId: next } = await createReport(database.sql);
    await platform((sql) => sql`update public.org_reports set user_id = ${next} where id = ${reportId}`);
    const notified = await database.sql<{ event_id: string; user_id: string }[]>`
      select event_id, user_id from public.report_notifications where event_id = any (${told}) order by id`;
    expect(notified.map((row) => [row.event_id, row.user_id])).toEqual([
      [told[0], next],
      [told[1], userId],
    ]);
  });

  it('alone in metadata, status or webhook columns changes nothing', async () => {
    await platformJob('text');
    const before = await report();
    await platform(
      (sql) => sql`
        update public.org_reports set research_status = 'pending', research_metadata = '{"forged": true}',
          webhook_status = 'failed', webhook_attempts = 9, stage = 'final', winner_event_id = null
        where id = ${reportId}`,
    );
    expect(await report()).toEqual(before);
    expect(await events()).toHaveLength(1);
  });

  it('in a new report is its first event', async () => {
    const id = randomUUID();
    await platform(
      (sql) => sql`
        insert into public.org_reports (id, user_id, research_report, research_status, research_metadata)
        values (${id}, ${userId}, 'inserted', 'completed', '{"processing_stage": "final"}')`,
    );
    const [row] = await database.sql`
      select report.stage, report.research_status, event.channel from public.org_reports report
      join public.report_events event on event.id = report.winner_event_id where report.id = ${id}`;
    expect(row).toEqual({ stage: 'final', research_status: 'completed', channel: 'platform' });
  });

  it('as a job whose runner died is taken by the sweep: its result, else a take-over', async () => {
    const insert = async (status: string, result: string | null) => {
      const id = randomUUID();
      await platform(
        (sql) => sql`
          insert into public.report_jobs (job_id, status, prompt, metadata)
          values (${id}, 'running', 'p', ${sql.json({ report_type: 'organization', report_id: reportId })})`,
      );
      await platform(
        (sql) =>
          sql`update public.report_jobs set status = ${status}, result = ${result} where job_id = ${id}`,
      );
      return id;
    };
    const finished = await insert('succeeded', 'never reached its report');
    const silent = await insert('running', null);
    expect(await store.takeOver(finished)).toEqual({ outcome: 'not_due' });
    await database.sql`update private.job_runs set lease_expires_at = now() - interval '1 second' where job_id in ${database.sql([finished, silent])}`;
    expect(await store.takeOver(finished)).toEqual({ outcome: 'given_up' });
    const [event] = await database.sql`
      select type, research_report from public.report_events join private.report_contents on event_id = id
      where job_id = ${finished}`;
    expect(event).toEqual({ type: 'report.prelim.completed', research_report: 'never reached its report' });
    expect(await store.takeOver(silent)).toMatchObject({ outcome: 'taken_over' });
    for (;;) {
      const held = await store.claim();
      if (held === null) break;
      await store.record(held, 'failed', [{ status: 401, authentic: true }]);
    }
  });

  it('makes no job of ours where a user’s job names somebody else’s report', async () => {
    const stranger = await createReport(database.sql);
    const jobId = randomUUID();
    await platform(
      (sql) => sql`
        insert into public.report_jobs (job_id, user_id, status, metadata)
        values (${jobId}, ${stranger.userId}, 'queued', ${sql.json({ report_type: 'org', report_id: reportId })})`,
    );
    expect([...(await database.sql`select from private.job_runs where job_id = ${jobId}`)]).toEqual([]);
  });

  it('loses the report’s text in the audit', async () => {
    await platform(
      (sql) => sql`
        insert into public.webhook_audit (webhook_type, job_id, report_id, request_payload)
        values ('prelim-report', 'j', ${reportId}, ${sql.json({ job_id: 'j', research_report: 'secret', data: { final_data: 1 } })})`,
    );
    const [row] = await database.sql`
      select request_payload from public.webhook_audit where report_id = ${reportId} and webhook_type = 'prelim-report'`;
    expect(row).toEqual({ request_payload: { job_id: 'j', data: {} } });
  });

  it.each(['"secret"', '5', 'true', 'null', '["secret"]'])(
    'loses an audited payload that is no object: %s',
    async (payload) => {
      await platform(
        (sql) => sql`
        insert into public.webhook_audit (webhook_type, job_id, report_id, request_payload)
        values ('prelim-report', 'j', ${reportId}, ${payload}::text::jsonb)`,
      );
      const [row] =
        await database.sql`select request_payload from public.webhook_audit where report_id = ${reportId}`;
      expect(row).toEqual({ request_payload: null });
    },
  );

  it('is refused beyond 1,000 reports in one transaction, unless it was announced', async () => {
    const many = (announced: boolean) =>
      database.sql.begin(async (sql) => {
        if (announced) await sql`set local polaris.bulk = 'on'`;
        await sql`
          insert into public.org_reports (user_id, research_report) select ${userId}, 'bulk' from generate_series(1, 1001)`;
      });
    await expect(many(false)).rejects.toMatchObject({ code: 'PL005' });
    await many(true);
    const [row] = await database.sql`select count(*)::int as events from public.report_events where bulk`;
    expect(row).toEqual({ events: 1001 });
  }, 60_000);
});

describe('what people write', () => {
  it('in the SQL editor is an event of channel platform', async () => {
    await database.sql`update public.org_reports set research_report = 'edited by hand' where id = ${reportId}`;
    expect(await events()).toMatchObject([
      { channel: 'platform', effect: 'applied', research_report: 'edited by hand' },
    ]);
  });

  it('as its owner is an edit, of the text and of metadata alone', async () => {
    await platformJob('text');
    await owner((sql) => sql`update public.org_reports set research_report = 'mine' where id = ${reportId}`);
    await owner(
      (sql) => sql`update public.org_reports set research_metadata = '{"note": 1}' where id = ${reportId}`,
    );
    expect(await report()).toMatchObject({ research_report: 'mine', research_metadata: { note: 1 } });
    expect((await events()).map(({ type, channel }) => `${String(type)} ${String(channel)}`)).toEqual([
      'report.prelim.completed platform',
      'report.owner.edited owner',
      'report.owner.edited owner',
    ]);
  });

  it('can name no winner that is not an event of the report with its text', async () => {
    await platformJob('text');
    const other = await createReport(database.sql);
    await expect(
      database.sql`
        update public.org_reports set winner_event_id = (select winner_event_id from public.org_reports where id = ${reportId})
        where id = ${other.reportId}`,
    ).rejects.toMatchObject({ code: 'PL002' });
  });
});

describe('closing the first version', () => {
  it('waits until the platform writes no results any more, then refuses them, and can be undone', async () => {
    const { sql } = database;
    await platformJob('fresh');
    const said = async (call: string) =>
      String((await sql.unsafe(`select private.${call} as said`))[0]?.['said']);
    expect(await said('close_first_version()')).toContain('Nothing was closed');
    expect(await said('close_first_version(null)')).toContain('Nothing was closed');
    expect(await said('close_first_version(true)')).toContain('through the webhooks alone');
    const write = () =>
      platform((role) => role`update public.org_reports set research_report = 'late' where id = ${reportId}`);
    await expect(write()).rejects.toMatchObject({ code: 'PL006' });
    await expect(
      platform((role) => role`select public.update_webhook_status('org_reports', ${reportId}, 'sent')`),
    ).rejects.toMatchObject({ code: '42501' });
    // Owners, the SQL editor and our own functions go on.
    await owner(
      (role) => role`update public.org_reports set research_report = 'mine' where id = ${reportId}`,
    );
    await sql`update public.org_reports set research_report = 'by hand' where id = ${reportId}`;
    expect(await said('open_first_version()')).toContain('may write results again');
    await write();
    expect(await report()).toMatchObject({ research_report: 'late' });
  });
});

describe('a report that is not imported yet', () => {
  const mark = () =>
    database.sql`insert into private.reports_to_import (report_type, report_id) values ('org', ${reportId})`;
  const oldText = async (change: { webhook_job_id?: string } = {}) => {
    await database.sql.begin(async (sql) => {
      // As the first version left it: a text that no event explains.
      await sql`alter table public.org_reports disable trigger user`;
      await sql`
        update public.org_reports set research_report = 'old text', research_status = 'completed', webhook_status = 'failed',
          webhook_attempts = 2, webhook_job_id = ${change.webhook_job_id ?? null} where id = ${reportId}`;
      await sql`alter table public.org_reports enable trigger user`;
    });
    await mark();
  };

  it.each<[string, () => Promise<unknown>]>([
    [
      'a write of the platform',
      () =>
        platform((sql) => sql`update public.org_reports set research_report = 'new' where id = ${reportId}`),
    ],
    [
      'an edit of its owner',
      () => owner((sql) => sql`update public.org_reports set research_report = 'new' where id = ${reportId}`),
    ],
    [
      'the SQL editor',
      () => database.sql`update public.org_reports set research_report = 'new' where id = ${reportId}`,
    ],
  ])('is imported by %s, in the same transaction', async (_name, write) => {
    await oldText();
    await write();
    expect(
      (await events()).map(({ channel, research_report }) => [channel as string, research_report as string]),
    ).toEqual([
      ['import', 'old text'],
      [_name === 'an edit of its owner' ? 'owner' : 'platform', 'new'],
    ]);
    expect(await report()).toMatchObject({ research_report: 'new', webhook_status: 'failed' });
  });

  it('is imported by a request for a job', async () => {
    await oldText();
    await store.request(reportId);
    expect(await events()).toMatchObject([{ channel: 'import', effect: 'applied' }]);
    expect([
      ...(await database.sql`select from private.reports_to_import where report_id = ${reportId}`),
    ]).toEqual([]);
  });

  it('shows what it showed, though a newer job, and one of a later stage, have other results', async () => {
    await oldText();
    const add = (age: string, stage: string) =>
      database.sql`
        insert into public.report_jobs (job_id, user_id, status, result, metadata, created_at)
        values (${randomUUID()}, ${userId}, 'succeeded', ${`of ${age}`},
          ${database.sql.json({ report_type: 'org', report_id: reportId, stage })}, now() - ${age}::interval)`;
    await add('1 hour', 'prelim');
    await add('2 hours', 'final');
    await database.sql`select public.import_reports(100)`;
    expect(await report()).toMatchObject({ research_report: 'old text' });
    expect((await events()).filter(({ effect }) => effect === 'superseded')).toHaveLength(2);
    // Nothing that lost may outrank what the report shows.
    const found =
      await database.sql`select problem from public.verify_reports() where report_id = ${reportId}`;
    expect([...found]).toEqual([]);
  });

  it('knows the job of a fallback, which empties the column that names an earlier one', async () => {
    await oldText({ webhook_job_id: 'an_earlier_job' });
    await database.sql`select public.import_reports(100)`;
    expect(await report()).toMatchObject({ webhook_job_id: 'an_earlier_job' });
    const jobId = await platformJob('by the fallback', { fallback: true });
    expect((await events()).at(-1)).toMatchObject({ research_report: 'by the fallback', job_id: jobId });
    const [job] = await database.sql`select status from private.job_runs where job_id = ${jobId}`;
    expect(job).toEqual({ status: 'succeeded' });
  });

  it('leaves a job as it ended whose result is on its way', async () => {
    await oldText();
    const jobId = randomUUID();
    const update = (values: object) =>
      platform((sql) => sql`update public.report_jobs set ${sql(values)} where job_id = ${jobId}`);
    const metadata = { report_type: 'org', report_id: reportId };
    await platform(
      (sql) => sql`
        insert into public.report_jobs (job_id, status, metadata) values (${jobId}, 'queued', ${sql.json(metadata)})`,
    );
    await update({ status: 'running', percent: 40 });
    await update({ status: 'succeeded', percent: 100, result: 'its result' });
    await database.sql`select public.import_reports(100)`;
    // The platform's clients poll it.
    const [job] = await database.sql`
      select status, percent, result from public.report_jobs where job_id = ${jobId}`;
    expect(job).toEqual({ status: 'succeeded', percent: 100, result: 'its result' });
    expect(await report()).toMatchObject({ research_report: 'old text' });
    await platform(
      (sql) => sql`
        update public.org_reports set research_report = 'its result', webhook_job_id = ${jobId} where id = ${reportId}`,
    );
    expect(await report()).toMatchObject({ research_report: 'its result' });
  });

  it('does not stop others when it cannot be imported', async () => {
    const broken = reportId;
    await oldText();
    ({ userId, reportId } = await createReport(database.sql));
    await oldText();
    await database.sql.unsafe(`
      create function private.break_import() returns trigger language plpgsql as $$
      begin
        if new.report_id = '${broken}' then raise exception 'broken on purpose'; end if;
        return new;
      end $$;
      create trigger break_import before insert on public.report_events for each row execute function private.break_import();`);
    const [row] = await database.sql`select public.import_reports(100) as answer`;
    expect(row?.['answer']).toEqual({ imported: 1, left: 1 });
    const [marker] = await database.sql`select report_id, error from private.reports_to_import`;
    expect(marker).toEqual({ report_id: broken, error: 'broken on purpose' });
    await database.sql.unsafe(
      'drop trigger break_import on public.report_events; drop function private.break_import();',
    );
    const [again] = await database.sql`select public.import_reports(100) as answer`;
    expect(again?.['answer']).toEqual({ imported: 1, left: 0 });
  });
});
