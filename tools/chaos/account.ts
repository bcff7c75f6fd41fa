import type postgres from 'postgres';
import { canaries } from './canaries.ts';
import type { ChaosJob } from './drive.ts';
import { listedReports } from './listed-reports.ts';
import type { Population } from './population.ts';
import type { ChaosSystem } from './system.ts';

export interface Account {
  jobs: number;
  stored: number;
  lost: number;
  duplicated: number;
  stuck: number;
  overwritten: number;
  attempts: number;
  directUpdates: number;
  takeOvers: number;
  deadLetters: number;
  notifications: number;
  appliedFinals: number;
  auditRows: number;
  received: number;
  /** Jobs of deleted reports, by what became of them. */
  deleted: Map<string, number>;
  /** Odd jobs that ended. */
  oddJobs: number;
  /** What is wrong, by job; empty when all is well. */
  deviations: Map<string, string[]>;
  /** What is wrong with the whole. */
  faults: string[];
}

interface Row {
  job_id: string;
  job_status: string;
  report_id: string;
  stage: string;
  created_at: Date;
  created_ms: string;
  take_overs: number;
  erased: boolean;
  event_erased: boolean;
  events: number;
  event_id: string | null;
  effect: string | null;
  channel: string | null;
  sha256: string | null;
  delivery_status: string | null;
  dead: boolean;
  dead_reason: string | null;
  attempts: number | null;
  applied_rows: number;
  answered_rows: number;
  notifications: number;
  is_winner: boolean;
  shown: boolean;
}

/** Compares the database with what the driver asked for and the proxies saw. */
export async function drawAccount(
  system: ChaosSystem,
  population: Population,
  jobs: readonly ChaosJob[],
  oddJobs: readonly string[],
): Promise<Account> {
  const { sql } = system;
  const doomed = new Set(population.doomed.flatMap(({ reportIds }) => reportIds));
  const kept = jobs.filter(({ fate }) => fate === 'kept');
  const allRows = await sql<Row[]>`
    select job.job_id, job.status as job_status, job.report_id, job.stage, job.take_overs,
      job.erased_at is not null as erased, event.erased_at is not null as event_erased,
      to_char(job.created_at::timestamptz(3) at time zone 'utc', 'YYYY-MM-DD HH24:MI:SS.MS') as created_ms,
      (select count(*)::int from public.report_events any_event where any_event.job_id = job.job_id) as events,
      event.id as event_id, event.effect, event.channel,
      encode(sha256(convert_to(content.research_report, 'UTF8')), 'hex') as sha256,
      delivery.status as delivery_status, delivery.dead_at is not null as dead, delivery.dead_reason, delivery.attempts,
      (select count(*)::int from public.webhook_audit audit
        where audit.event_id = event.id and audit.direction = 'in' and audit.outcome = 'applied') as applied_rows,
      (select count(*)::int from public.webhook_audit audit
        where audit.event_id = event.id and audit.direction = 'in'
          and audit.outcome in ('applied', 'duplicate', 'superseded')) as answered_rows,
      (select count(*)::int from public.report_notifications notification
        where notification.event_id = event.id) as notifications,
      coalesce(report.winner_event_id = event.id, false) as is_winner,
      coalesce(report.research_report = content.research_report, false) as shown
    from private.job_runs job
    left join public.report_events event on event.job_id = job.job_id
    left join private.report_contents content on content.event_id = event.id
    left join public.webhook_deliveries delivery on delivery.event_id = event.id and delivery.position is null
    left join public.org_reports report on report.id = job.report_id`;
  const contested = new Set(population.contested);
  // What becomes of contested reports, only their history tells.
  const rows = allRows.filter(({ report_id }) => !doomed.has(report_id) && !contested.has(report_id));
  const byJob = Map.groupBy(rows, (row) => row.job_id);
  const winners = expectedWinners(rows);
  const account: Account = {
    jobs: kept.length,
    stored: 0,
    lost: 0,
    duplicated: 0,
    stuck: 0,
    overwritten: 0,
    attempts: sum(rows, ({ attempts }) => attempts ?? 0),
    directUpdates: rows.filter(({ channel }) => channel === 'direct').length,
    takeOvers: sum(rows, ({ take_overs }) => take_overs),
    deadLetters: rows.filter(({ dead }) => dead).length,
    notifications: sum(rows, ({ notifications }) => notifications),
    appliedFinals: rows.filter(({ stage, effect }) => stage === 'final' && effect === 'applied').length,
    auditRows: 0,
    received: system.received.length,
    deleted: new Map(),
    oddJobs: 0,
    deviations: new Map(),
    faults: [],
  };
  for (const job of kept) {
    const deviations = judge(account, job, byJob.get(job.jobId) ?? [], winners);
    if (deviations.length > 0) account.deviations.set(job.jobId, deviations);
  }
  for (const row of allRows.filter(({ report_id }) => doomed.has(report_id))) judgeDeleted(account, row);
  for (const jobId of oddJobs) judgeOdd(account, jobId, byJob.get(jobId) ?? []);
  const known = new Set([...kept.map(({ jobId }) => jobId), ...oddJobs, ...population.unreadableJobs]);
  const unasked = rows.filter((row) => !known.has(row.job_id));
  if (unasked.length > 0) account.faults.push(`${unasked.length} jobs that nobody asked for`);
  if (account.notifications !== account.appliedFinals) {
    account.faults.push(`${account.notifications} notifications of ${account.appliedFinals} applied finals`);
  }
  await compareAudit(system, rows, account);
  for (const place of await canaries(sql, population.canary)) {
    account.faults.push(`${place} still has content of a deleted report`);
  }
  account.faults.push(...(await listedReports(system)));
  for (const deadlock of await system.database.deadlocks()) account.faults.push(deadlock);
  const problems = await sql`select * from public.verify_reports()`;
  for (const problem of problems) account.faults.push(`verify_reports(): ${JSON.stringify(problem)}`);
  return account;
}

function judge(
  account: Account,
  job: ChaosJob,
  rows: readonly Row[],
  winners: ReadonlyMap<string, string>,
): string[] {
  const deviations: string[] = [];
  const [row] = rows;
  if (row === undefined || row.event_id === null) {
    account.lost += 1;
    if (row !== undefined && ['queued', 'running'].includes(row.job_status)) account.stuck += 1;
    return ['it has no event'];
  }
  if (job.sha256 !== null && row.sha256 !== job.sha256) {
    account.lost += 1;
    deviations.push('its event has another text');
  } else if (row.job_status !== 'succeeded' || row.sha256 === null) {
    account.lost += 1;
    deviations.push(`it is ${row.job_status}`);
  }
  const mayNotify = row.stage === 'final' && row.effect === 'applied' ? 1 : 0;
  const expected = row.channel === 'webhook' && row.effect === 'applied' ? 1 : 0;
  if (row.events > 1 || row.applied_rows > expected || row.notifications > mayNotify) {
    account.duplicated += 1;
    deviations.push(
      `${row.events} events, applied ${row.applied_rows} times, ${row.notifications} notifications`,
    );
  }
  if (row.applied_rows < expected) deviations.push('its effect has no audit row');
  const isOpen = row.delivery_status !== 'success' && !row.dead;
  if (row.effect === null || isOpen) {
    account.stuck += 1;
    deviations.push(`effect ${row.effect ?? 'none'}, delivery ${row.delivery_status ?? 'none'}`);
  }
  const shouldWin = winners.get(row.report_id) === row.event_id;
  if (shouldWin !== row.is_winner || (shouldWin && !row.shown)) {
    account.overwritten += 1;
    deviations.push(shouldWin ? 'it should be in its report' : 'it should not be in its report');
  }
  if (deviations.length === 0) account.stored += 1;
  return deviations;
}

/** Its report is gone: it has ended, has no content, and nothing is sent of it any more. */
function judgeDeleted(account: Account, row: Row): void {
  const isOpen = row.delivery_status !== null && row.delivery_status !== 'success' && !row.dead;
  const isErased = row.sha256 === null && row.erased && (row.event_id === null || row.event_erased);
  if (['queued', 'running'].includes(row.job_status) || isOpen || !isErased) {
    const delivery = `delivery ${row.delivery_status ?? 'none'}`;
    account.stuck += 1;
    account.deviations.set(row.job_id, [
      `its report was deleted: job ${row.job_status}, ${delivery}, ${isErased ? 'erased' : 'not erased'}`,
    ]);
  }
  const end =
    row.event_id === null ? 'cancelled' : (row.dead_reason ?? `delivery ${row.delivery_status ?? 'none'}`);
  account.deleted.set(end, (account.deleted.get(end) ?? 0) + 1);
}

/** It was not asked for as others are, and ends as they do. */
function judgeOdd(account: Account, jobId: string, [row]: readonly Row[]): void {
  if (
    row?.job_status === 'succeeded' &&
    row.effect === 'applied' &&
    (row.delivery_status === 'success' || row.dead)
  ) {
    account.oddJobs += 1;
    return;
  }
  const state = row === undefined ? 'unknown' : `${row.job_status}, effect ${row.effect ?? 'none'}`;
  account.deviations.set(jobId, [`an odd job: ${state}`]);
}

/** The order by itself, without asking the SQL: stage, then the request's time to the millisecond, then the event's id. */
function expectedWinners(rows: readonly Row[]): Map<string, string> {
  const best = new Map<string, Row>();
  const key = (row: Row) => `${row.stage === 'final' ? '1' : '0'} ${row.created_ms} ${row.event_id ?? ''}`;
  for (const row of rows) {
    if (row.event_id === null || row.sha256 === null) continue;
    const present = best.get(row.report_id);
    if (present === undefined || key(row) > key(present)) best.set(row.report_id, row);
  }
  return new Map([...best].map(([reportId, row]) => [reportId, row.event_id ?? '']));
}

/** Every request that an endpoint answered has its row, and there is no row that no request explains. */
async function compareAudit(system: ChaosSystem, rows: readonly Row[], account: Account): Promise<void> {
  const received = Map.groupBy(system.received, ({ headers }) => String(headers['webhook-id']));
  for (const row of rows) {
    const requests = received.get(row.event_id ?? '') ?? [];
    const answered = requests.filter(({ status }) => status === 200).length;
    // Each call of the SQL function leaves a row: the store repeats a call whose idle connection had died.
    const most = system.applyCalls.get(row.event_id ?? '') ?? 0;
    if (row.answered_rows < answered || row.answered_rows > most) {
      const seen = account.deviations.get(row.job_id) ?? [];
      const text = `${row.answered_rows} audit rows for ${answered} answered of ${requests.length} received requests`;
      account.deviations.set(row.job_id, [...seen, text]);
    }
  }
  const [count] = await system.sql<{ rows: number }[]>`
    select count(*)::int as rows from public.webhook_audit where direction = 'in' and body_sha256 is not null`;
  account.auditRows = count?.rows ?? 0;
}

function sum(rows: readonly Row[], value: (row: Row) => number): number {
  return rows.reduce((total, row) => total + value(row), 0);
}

/** Everything that is known of a job, in order. */
export async function historyOf(sql: postgres.Sql, jobId: string): Promise<string[]> {
  const [job] = await sql`
    select job_id, report_id, stage, status, generate, lease_token, take_overs, created_at, completed_at, event_id
    from private.job_runs where job_id = ${jobId}`;
  const events = await sql`
    select id, type, effect, channel, requested_at, created_at, applied_at from public.report_events
    where report_id = ${String(job?.['report_id'])} order by created_at`;
  const deliveries = await sql`
    select id, event_id, status, attempts, rounds, dead_reason, next_attempt, lease_token, lease_expires_at
    from public.webhook_deliveries where job_id = ${jobId}`;
  const audit = await sql`
    select created_at, direction, outcome, response_status, error_message, attempt_number, duration_ms
    from public.webhook_audit where event_id = ${String(job?.['event_id'])} or job_id = ${jobId} order by created_at`;
  return [job, ...events, ...deliveries, ...audit].map((row) => JSON.stringify(row));
}
