import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createReport, createTestDatabase, type TestDatabase } from '../support/database.ts';
import { storeClient } from '../support/store.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});

interface Event {
  id: string;
  stage: 'prelim' | 'final';
  status: 'completed' | 'failed';
  requestedAt: string;
  text: string;
}

function envelope(reportId: string, event: Event) {
  return {
    type: `report.${event.stage}.${event.status}`,
    timestamp: event.requestedAt,
    data: {
      job_id: `job of ${event.id}`,
      report_id: reportId,
      report_type: 'org',
      research_status: event.status,
      requested_at: event.requestedAt,
      ...(event.status === 'completed' ? { research_report: event.text } : { error: event.text }),
    },
  };
}

async function apply(reportId: string, event: Event): Promise<string> {
  const store = storeClient(database.sql);
  const { outcome } = await store.apply(event.id, envelope(reportId, event), `${event.stage}-report`);
  return outcome;
}

async function reportRow(reportId: string) {
  const [row] = await database.sql`
    select research_report, research_status, stage, winner_event_id from public.org_reports where id = ${reportId}`;
  return row;
}

function event(change: Partial<Event> = {}): Event {
  const id = `evt_${randomUUID()}`;
  return {
    id,
    stage: 'prelim',
    status: 'completed',
    requestedAt: '2026-01-01T00:00:00.000Z',
    text: `text of ${id}`,
    ...change,
  };
}

describe('apply_report_event', () => {
  it('applies an event once, however often it comes at once, and audits every request', async () => {
    const { reportId } = await createReport(database.sql);
    const one = event();
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => apply(reportId, one)));
    expect(outcomes.sort()).toEqual(['applied', ...Array.from({ length: 19 }, () => 'duplicate')]);
    const [audited] = await database.sql`
      select count(*)::int as rows from public.webhook_audit where event_id = ${one.id}`;
    expect(audited).toEqual({ rows: 20 });
    const [delivery] = await database.sql`
      select status, attempts from public.webhook_deliveries where event_id = ${one.id}`;
    expect(delivery).toEqual({ status: 'success', attempts: 1 });
  });

  it('keeps the content of a result out of the audit', async () => {
    const { sql } = database;
    const { reportId } = await createReport(sql);
    const final = event({ stage: 'final' });
    const { id } = final;
    const sent = envelope(reportId, final);
    const content = { research_metadata: { model: 'm' }, final_data: { long: 'x'.repeat(10_000) } };
    await storeClient(sql).apply(id, { ...sent, data: { ...sent.data, ...content } }, 'final-report');
    const [row] = await sql`select request_payload from public.webhook_audit where event_id = ${id}`;
    const { research_report, ...rest } = { research_report: '', ...sent.data };
    expect(research_report).not.toBe('');
    expect(row).toEqual({ request_payload: { id, type: sent.type, data: rest } });
  });

  it('ends in the same state for every order of older, newer, prelim, final and failed events', async () => {
    const times = ['2026-01-01T00:00:00.000Z', '2026-01-02T00:00:00.000Z', '2026-01-03T00:00:00.000Z'];
    const [old = '', middle = '', recent = ''] = times;
    const plans = [
      event({ requestedAt: old }),
      event({ requestedAt: recent }),
      event({ requestedAt: old, stage: 'final' }),
      event({ requestedAt: middle, stage: 'final' }),
      event({ requestedAt: '2026-01-04T00:00:00.000Z', stage: 'final', status: 'failed' }),
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray(plans, { minLength: plans.length }),
        fc.integer(),
        async (order, seed) => {
          const { reportId } = await createReport(database.sql);
          const suffix = `_${seed}_${randomUUID()}`;
          for (const plan of order) await apply(reportId, { ...plan, id: plan.id + suffix });
          const winner = plans[3]?.id ?? '';
          expect(await reportRow(reportId)).toMatchObject({
            research_report: plans[3]?.text,
            // That of the newest request, which failed; it erased nothing.
            research_status: 'failed',
            stage: 'final',
            winner_event_id: winner + suffix,
          });
        },
      ),
      { numRuns: 40 },
    );
  });

  it('refuses an id, or a job, that already has other content, and changes nothing', async () => {
    const { reportId } = await createReport(database.sql);
    const one = event();
    await apply(reportId, one);
    const before = await reportRow(reportId);
    expect(await apply(reportId, { ...one, text: 'other' })).toBe('event_conflict');
    expect(await reportRow(reportId)).toEqual(before);
  });

  it('keeps a good result when a later job fails', async () => {
    const { reportId } = await createReport(database.sql);
    const good = event();
    await apply(reportId, good);
    expect(await apply(reportId, event({ status: 'failed', requestedAt: '2026-02-01T00:00:00.000Z' }))).toBe(
      'applied',
    );
    expect(await reportRow(reportId)).toMatchObject({
      research_report: good.text,
      research_status: 'failed',
    });
  });

  it('answers report_not_found for a report that does not exist', async () => {
    expect(await apply(randomUUID(), event())).toBe('report_not_found');
  });

  it('refuses a request from the future', async () => {
    const { reportId } = await createReport(database.sql);
    const future = new Date(Date.now() + 6 * 60_000).toISOString();
    expect(await apply(reportId, event({ requestedAt: future }))).toBe('requested_in_future');
  });
});

describe('append-only tables', () => {
  it('refuse to be changed, by the owner of the database too', async () => {
    const { reportId } = await createReport(database.sql);
    await apply(reportId, event());
    await expect(database.sql`update public.report_events set error = 'x'`).rejects.toThrow('append-only');
    await expect(database.sql`delete from public.webhook_audit`).rejects.toThrow('append-only');
    await expect(database.sql`truncate public.webhook_audit`).rejects.toThrow('append-only');
  });

  it.each([false, true])(
    'refuse a server with their own reason, retention pretended: %s',
    async (pretends) => {
      const { reportId } = await createReport(database.sql);
      await apply(reportId, event());
      const deletion = database.sql.begin(async (server) => {
        await server`
        select set_config('role', 'service_role', true), set_config('polaris.retention', ${pretends ? 'on' : ''}, true)`;
        await server`delete from public.webhook_audit where report_id = ${reportId}`;
      });
      await expect(deletion).rejects.toMatchObject({ code: 'PL001' });
    },
  );
});
