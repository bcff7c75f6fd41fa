import type postgres from 'postgres';
import { expect } from 'vitest';
import type { Ledger, Report, Write } from './platform-functions.ts';

/** The commit time of the migration that turns texts into events: concurrent writes may be on either side of it. */
interface Push {
  fromMs: number;
  toMs: number;
}

interface Event {
  id: string;
  type: string;
  channel: string;
  stage: string;
  research_report: string | null;
}

/** Accounts for each call of a ledger: nothing that was written is lost, and nothing stands that nobody has written. */
export async function accountFor(sql: postgres.Sql, ledger: Ledger, push: Push): Promise<void> {
  expect([...(await sql`select * from public.verify_reports()`)]).toEqual([]);
  expect([...(await sql`select * from private.reports_to_import`)]).toEqual([]);
  await accountForJobs(sql, ledger);
  await accountForAudit(sql, ledger, push);
  for (const [id, prelim_report] of ledger.summaries) {
    const rows = await sql`select prelim_report from public.polaris_summaries where id = ${id}`;
    expect([id, ...rows]).toEqual([id, { prelim_report }]);
  }
  const reports = new Map(ledger.writes.map(({ report }) => [report.id, report]));
  for (const report of reports.values()) {
    await accountForReport(
      sql,
      report,
      ledger.writes.filter((write) => write.report.id === report.id),
      push,
    );
  }
}

async function accountForJobs(sql: postgres.Sql, { jobs }: Ledger): Promise<void> {
  const rows = await sql`
    select job_id, status, percent, result, error from public.report_jobs where job_id in ${sql([...jobs.keys()])}`;
  const left = new Map(rows.map(({ job_id, ...row }) => [job_id as string, row]));
  for (const [id, job] of jobs) expect({ id, ...left.get(id) }).toEqual({ id, ...job });
}

async function accountForAudit(sql: postgres.Sql, { audits, reported }: Ledger, push: Push): Promise<void> {
  const rows = await sql`
    select job_id, request_payload - 'research_report' as payload from public.webhook_audit
    where webhook_type is not null and job_id in ${sql(audits.map(({ jobId }) => jobId))}`;
  const sorted = (items: object[]) => items.map((item) => JSON.stringify(item)).sort();
  expect(sorted(rows.map(({ payload }) => payload as object))).toEqual(
    sorted(audits.map(({ payload }) => payload)),
  );
  const [counted] = await sql<{ count: number }[]>`
    select count(*)::int from public.webhook_audit
    where outcome = 'reported' and report_id in ${sql(reported.map(({ reportId }) => reportId))}`;
  expect(counted?.count).toBeGreaterThanOrEqual(reported.filter(({ atMs }) => atMs > push.toMs).length);
  expect(counted?.count).toBeLessThanOrEqual(reported.length);
}

async function accountForReport(
  sql: postgres.Sql,
  report: Report,
  writes: readonly Write[],
  push: Push,
): Promise<void> {
  const [row] = await sql<{ research_report: string | null }[]>`
    select research_report from ${sql(`public.${report.type}_reports`)} where id = ${report.id}`;
  const events = await sql<Event[]>`
    select event.id, event.type, event.channel, event.stage, content.research_report
    from public.report_events event left join private.report_contents content on content.event_id = event.id
    where event.report_type = ${report.type} and event.report_id = ${report.id} order by event.position`;
  const known = await sql<{ job_id: string }[]>`
    select job_id from private.job_runs where report_id = ${report.id}`;
  const eventOf = ({ text }: Write) =>
    text === '' ? undefined : events.find(({ research_report }) => research_report === text);
  const after = writes.filter(({ fromMs }) => fromMs > push.toMs);
  const perhapsAfter = writes.filter(({ toMs }) => toMs >= push.fromMs);
  const told = `${report.type} report ${report.id}: ${JSON.stringify({ push, writes, events, row }, null, 1)}`;

  // Each text stored is one that was written here.
  for (const { research_report } of events) {
    if (research_report === null) continue;
    expect(
      writes.some(({ text }) => text === research_report),
      told,
    ).toBe(true);
  }
  // Each text written is stored: as an event of its own, or, before there were events, unless another one replaced it.
  for (const write of writes) {
    if (write.text === '' || eventOf(write) !== undefined) continue;
    // A saved edit loses its text to the next of the same person; the events are counted below.
    if (write.by === 'owner' && write.fromMs >= push.fromMs) continue;
    const replaced = writes.some(
      (other) => other !== write && other.toMs > write.fromMs && other.fromMs <= push.toMs,
    );
    expect([write.text, write.toMs <= push.toMs && replaced], told).toEqual([write.text, true]);
  }
  // Each edit and each failure is an event.
  const count = (some: readonly Write[], is: (write: Write) => boolean) => some.filter(is).length;
  for (const [is, found] of [
    [(write: Write) => write.by === 'owner', events.filter(({ channel }) => channel === 'owner')],
    [
      (write: Write) => write.text === '',
      events.filter(({ type, channel }) => type.endsWith('.failed') && channel === 'platform'),
    ],
  ] as const) {
    expect(found.length, told).toBeGreaterThanOrEqual(count(after, is));
    expect(found.length, told).toBeLessThanOrEqual(count(perhapsAfter, is));
  }
  // The report shows the newest text: by stage, then by when its job was requested, else by when it was written.
  const recorded = writes.flatMap((write) => {
    const event = eventOf(write);
    if (event === undefined) return [];
    if (event.channel === 'import') {
      // What stood there before the push is older than all that came after, in the order in which it was written.
      const [fromMs, toMs] = [write.fromMs - push.toMs, write.toMs - push.toMs];
      return [{ text: write.text, isFinal: event.stage === 'final', fromMs, toMs }];
    }
    const { job } = write;
    const isKnown = job !== undefined && known.some(({ job_id }) => job_id === job.id);
    const [fromMs, toMs] = isKnown ? [job.createdAtMs, job.createdAtMs] : [write.fromMs, write.toMs];
    return [{ text: write.text, isFinal: write.stage === 'final', fromMs, toMs }];
  });
  const newest = recorded.filter(
    (one) =>
      !recorded.some((other) =>
        one.isFinal === other.isFinal ? other.fromMs > one.toMs : other.isFinal && !one.isFinal,
      ),
  );
  if (newest.length === 0) expect([null, ''], told).toContain(row?.research_report);
  else
    expect(
      newest.map(({ text }) => text),
      told,
    ).toContain(row?.research_report);
}
