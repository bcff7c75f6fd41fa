import type postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrate } from '../../tools/local/migrate.ts';
import { webhookEnvelope } from '../../src/contracts/webhooks.ts';
import { createNewProject, type TestDatabase } from '../support/database.ts';
import { buildPlatform } from '../support/platform.ts';
import { storeClient } from '../support/store.ts';

const TABLES = [
  'polaris_summaries',
  'report_jobs',
  'greeting_reports',
  'org_reports',
  'requirement_reports',
  'webhook_audit',
];
const REPORTS = TABLES.filter((table) => table.endsWith('_reports'));

let database: TestDatabase;
let sql: postgres.Sql;
let before: Record<string, Record<string, unknown>[]>;
const id = (tail: string) => `00000000-0000-4000-8000-${tail.padStart(12, '0')}`;

async function snapshot(): Promise<typeof before> {
  const all: typeof before = {};
  for (const table of TABLES)
    all[table] = [...(await sql`select * from ${sql(`public.${table}`)} order by id`)];
  return all;
}

/** In small batches, as `npm run upgrade` and each sweep do, until none is left. */
async function importAll(): Promise<void> {
  for (;;) {
    const [row] = await sql`select public.import_reports(7) as answer`;
    const { imported, left } = row?.['answer'] as { imported: number; left: number };
    if (left === 0) return;
    expect(imported).toBe(7);
  }
}

beforeAll(async () => {
  database = await createNewProject({ alone: false });
  sql = database.sql;
  await buildPlatform(database.url, sql, 'history to 14');
  before = await snapshot();
  await migrate(database.url);
  await importAll();
});
afterAll(() => database.drop());

describe('an upgraded database', () => {
  it('has lost no row and no text', async () => {
    const after = await snapshot();
    // What the first version got wrong, or left without anybody to finish it, may be put right.
    const mended = [
      'research_status',
      'webhook_status',
      'updated_at',
      'webhook_attempts',
      'webhook_response',
    ];
    const finished = ['status', 'error', 'completed_at', 'eta_seconds', 'updated_at'];
    for (const table of TABLES) {
      expect(after[table]?.length).toBe(before[table]?.length);
      const free = REPORTS.includes(table) ? mended : table === 'report_jobs' ? finished : [];
      before[table]?.forEach((row, index) => {
        for (const [column, value] of Object.entries(row)) {
          if (free.includes(column)) continue;
          if (column === 'research_report' && value === null) continue;
          expect([table, row['id'], column, after[table]?.[index]?.[column]]).toEqual([
            table,
            row['id'],
            column,
            value,
          ]);
        }
      });
    }
  });

  it('keeps the webhook columns that a delivery explains, and makes a dead letter of what cannot be delivered', async () => {
    for (const table of REPORTS) {
      const rows = await sql`
        select report.*, delivery.status as delivery_status, delivery.dead_reason
        from ${sql(`public.${table}`)} report
        left join public.webhook_deliveries delivery on delivery.report_id = report.id`;
      for (const old of before[table] ?? []) {
        const now = rows.find((row) => row['id'] === old['id']);
        const status = (old['webhook_status'] ?? 'pending') as string;
        const isDead = now?.['dead_reason'] === 'import';
        const restored = old['research_report'] === null && now?.['research_report'] !== null;
        if (isDead) {
          expect(old['research_report']).toBeNull();
          expect(now).toMatchObject({ webhook_status: 'failed' });
        } else if (!restored) {
          // Nobody holds a delivery of the first version any more.
          expect(now?.['webhook_status'] ?? 'pending').toBe(status === 'retrying' ? 'failed' : status);
        }
        expect(now?.['webhook_attempts'] ?? 0).toBe(old['webhook_attempts'] ?? 0);
        expect(now?.['webhook_job_id']).toBe(old['webhook_job_id']);
        if (['failed', 'sent', 'retrying'].includes(status)) expect(now?.['delivery_status']).not.toBeNull();
      }
    }
  });

  it('shows no job as running that has no runner', async () => {
    for (const table of REPORTS) {
      const running = await sql`select id from ${sql(`public.${table}`)} where research_status = 'running'`;
      expect(running.map((row) => row['id'] as string)).toEqual(table === 'org_reports' ? [id('104')] : []);
    }
  });

  it('has a winning event of channel import for every text, at the stage that the audit tells', async () => {
    for (const table of REPORTS) {
      const without = await sql`
        select report.id from ${sql(`public.${table}`)} report
        left join public.report_events event on event.id = report.winner_event_id
        left join private.report_contents content on content.event_id = event.id
        where report.research_report is distinct from content.research_report
          or event.id is not null and (event.channel <> 'import' or event.effect <> 'applied')
          or event.id is not null and content.research_metadata <> report.research_metadata
            and report.id not in (${id('102')}, ${id('106')})`;
      expect([...without]).toEqual([]);
    }
    const rows = await sql`
      select id, stage, research_report from public.org_reports
      where id in (${id('101')}, ${id('102')}, ${id('103')}, ${id('106')}) order by id`;
    expect([...rows]).toEqual([
      { id: id('101'), stage: 'prelim', research_report: 'second' },
      { id: id('102'), stage: 'prelim', research_report: 'never reached its report' },
      { id: id('103'), stage: 'final', research_report: 'the final' },
      // Its job's times are all null.
      { id: id('106'), stage: 'prelim', research_report: 'without a time' },
    ]);
    const [kept] = await sql`select effect from public.report_events where job_id = 'job_first'`;
    expect(kept).toEqual({ effect: 'superseded' });
  });

  it('fails jobs that cannot go on, and hands the others to the sweep', async () => {
    const rows = await sql`
      select job_id, status from public.report_jobs where status in ('queued', 'running') or job_id in
        ('job_garbage', 'job_array', 'job_bare', 'job_orphan', 'job_expired') order by job_id`;
    expect(rows.map((row) => `${String(row['job_id'])} ${String(row['status'])}`)).toEqual([
      // Those without a report are none of ours, and left alone.
      'job_array running',
      'job_bare queued',
      'job_expired failed',
      'job_garbage queued',
      'job_orphan running',
      'job_running running',
    ]);
    // Its runner may still live.
    expect([...(await sql`select public.due_report_jobs(10) as job`)]).toEqual([]);
    await sql`update private.job_runs set lease_expires_at = now() - interval '1 second' where job_id = 'job_running'`;
    expect(await sql`select public.due_report_jobs(10) as job`).toMatchObject([{ job: 'job_running' }]);
    const store = storeClient(sql);
    const { run } = await store.takeOver('job_running');
    const { delivery } = await store.complete('job_running', run?.lease_token ?? null, 'finished after all');
    await store.apply(delivery?.event_id ?? '');
    const [report] = await sql`
      select research_report, research_status from public.org_reports where id = ${id('104')}`;
    expect(report).toEqual({ research_report: 'finished after all', research_status: 'completed' });
  });

  it('answers the old functions by their published signatures', async () => {
    const [listed] = await sql`
      select * from public.get_failed_webhooks(max_attempts => 9, retry_after_minutes => 0)
      where record_id = ${id('103')}`;
    expect(listed).toMatchObject({ table_name: 'org_reports', job_id: 'job_final', webhook_attempts: 3 });
    await sql`
      select public.update_webhook_status(table_name => 'org_reports', record_id => ${id('103')}, new_status => 'sent',
        response_data => '{"seen": 1}', increment_attempts => false)`;
    const [report] = await sql`
      select webhook_status, webhook_attempts from public.org_reports where id = ${id('103')}`;
    expect(report).toEqual({ webhook_status: 'failed', webhook_attempts: 3 });
    const [audited] = await sql`select response_body from public.webhook_audit where outcome = 'reported'`;
    expect(audited).toEqual({ response_body: { seen: 1 } });
  });

  it('lets a failed delivery be retried, and a new job win over the import', async () => {
    const store = storeClient(sql);
    const [claimed] = await sql`select public.claim_report_delivery('org', ${id('103')}, 30) as answer`;
    expect(claimed?.['answer']).toMatchObject({
      outcome: 'claimed',
      delivery: { endpoint_id: 'final-report', job_id: 'job_final' },
    });
    const { delivery } = claimed?.['answer'] as { delivery: { event_id: string; body: string } };
    expect(await store.send(delivery, 'final-report')).toMatchObject({ outcome: 'duplicate' });

    const { run } = await store.request(id('101'));
    const completed = await store.complete(run.job_id, run.lease_token, 'new');
    await store.apply(completed.delivery?.event_id ?? '');
    const [report] = await sql`select research_report from public.org_reports where id = ${id('101')}`;
    expect(report).toEqual({ research_report: 'new' });
  });

  it('can deliver whatever it imported, as a sender reads and writes it', async () => {
    const open = await sql`
      select delivery.report_type, delivery.report_id, delivery.event_id
      from public.webhook_deliveries delivery join public.report_events event on event.id = delivery.event_id
      where delivery.status <> 'success' and event.channel = 'import'
        and not coalesce(private.is_closed(delivery.dead_reason), false)`;
    expect(open.length).toBeGreaterThan(20);
    for (const { report_type, report_id, event_id } of open) {
      const [claimed] = await sql`
        select public.claim_report_delivery(
          ${report_type as string}, ${report_id as string}, 30, null, ${event_id as string}) as answer`;
      const { delivery } = claimed?.['answer'] as {
        delivery: { event_id: string; body: string; endpoint_id: string };
      };
      webhookEnvelope.parse(JSON.parse(delivery.body));
      const applied = await storeClient(sql).send(delivery, delivery.endpoint_id);
      expect([event_id, applied.outcome]).toEqual([event_id, 'duplicate']);
    }
  });
});
