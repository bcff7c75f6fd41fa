import { randomUUID } from 'node:crypto';
import type postgres from 'postgres';

/** A delivery that a sender holds. */
interface Held {
  delivery_id: number;
  delivery_token: number;
  event_id: string;
  body: string;
}

/** What all steps act on: one owner, one report, and of each kind of work something that waits. */
export interface Scene {
  userId: string;
  reportId: string;
  /** Of the same owner, from before the events: whoever touches it first imports it. */
  legacyId: string;
  /** Runs, under this lease. */
  job: { id: string; token: number };
  /** Of a completed job whose result is not applied yet. Its sender is slow: the lease has run out. */
  held: Held;
  /** An event of a job that nobody here knows, for the report. */
  unknown: { id: string; body: string };
  /** Another one, for another report of the same owner. */
  besides: { id: string; body: string };
  /** Active; one delivery to it is due. */
  endpointId: string;
  /** The event of that delivery. */
  outwardEventId: string;
  claimIds: Readonly<Record<'first' | 'second', string>>;
}

const LONG_SECONDS = 86_400;

/** Makes the scene by the calls of the server, in a database that has nothing else. */
export async function makeScene(sql: postgres.Sql): Promise<Scene> {
  const ids = { userId: randomUUID(), reportId: randomUUID(), legacyId: randomUUID() };
  const { userId, reportId, legacyId } = ids;
  const otherId = randomUUID();
  await sql`insert into auth.users (id, email) values (${userId}, ${`${userId}@example.com`})`;
  await sql`insert into public.org_reports (id, user_id) values (${reportId}, ${userId}), (${otherId}, ${userId})`;
  // Still asked, and never empty.
  await sql`update private.rate_limits set tokens_per_minute = 1000000, burst = 1000000 where true`;
  const endpointId = await addSubscriber(sql);

  // Two results of jobs that nobody here knows: the newer one is shown, and the older one arrives later and loses.
  const shown = webhook(reportId, 'shown', new Date(Date.now() - 3_600_000));
  const lost = webhook(reportId, 'lost', new Date(Date.now() - 7_200_000));
  for (const { id, body } of [shown, lost]) {
    await sql`select public.apply_report_event(${id}, 'webhook', ${body}, 'prelim-report')`;
  }
  // A dead letter, whose result was applied directly. From here on the two above are old content.
  const dead = await complete(sql, await request(sql, reportId));
  await sql`
    select public.record_delivery_attempts(
      ${dead.delivery_id}, ${dead.delivery_token}, 'refused', '[{"status": 409, "authentic": true, "duration_ms": 5}]')`;
  // A job that was cancelled long ago.
  const old = await request(sql, reportId);
  await sql`select public.cancel_report_job(${old.id}, 'pipeline')`;
  // A replay of what the subscriber was sent, which has begun.
  await sql`select public.request_plan(
    ${randomUUID()}, 'replay', 'again', 'explored', ${sql.json({ endpoint_ids: [endpointId] })}, 'tester')`;
  await sql`select public.apply_plan((select max(id) from public.plans), 'tester')`;
  await sql`select public.work_plan(100)`;

  const held = await complete(sql, await request(sql, reportId));
  const job = await request(sql, reportId);
  await sql.begin(async (transaction) => {
    await transaction`set local session_replication_role = replica`;
    await transaction`
      update private.job_runs
      set created_at = now() - interval '62 days', completed_at = now() - interval '61 days' where job_id = ${old.id}`;
    await transaction`
      update private.report_contents set lost_at = now() - interval '40 days' where lost_at is not null`;
    // An event whose audit row retention deletes, which the verifier misses only of newer ones.
    await transaction`
      update public.webhook_audit set created_at = now() - interval '100 days' where event_id = ${lost.id}`;
    await transaction`
      update public.report_events
      set requested_at = now() - interval '101 days', applied_at = now() - interval '100 days' where id = ${lost.id}`;
    await transaction`
      update public.webhook_deliveries set last_attempt = now() - interval '100 days' where event_id = ${lost.id}`;
    await transaction`update public.plans set next_slice_at = now() - interval '1 second' where status = 'running'`;
    await transaction`
      update public.webhook_deliveries
      set lease_expires_at = now() - interval '1 minute', next_attempt = now() - interval '2 minutes'
      where id = ${held.delivery_id}`;
    // A text that no event explains, as the first version left it.
    await transaction`
      insert into public.org_reports (id, user_id, research_report, research_status, webhook_status, webhook_attempts)
      values (${legacyId}, ${userId}, 'an old text', 'completed', 'failed', 2)`;
    await transaction`
      insert into private.reports_to_import (report_type, report_id) values ('org', ${legacyId})`;
  });
  return {
    ...ids,
    job,
    held,
    unknown: webhook(reportId, 'unknown', new Date()),
    besides: webhook(otherId, 'besides', new Date()),
    endpointId,
    outwardEventId: shown.id,
    claimIds: { first: randomUUID(), second: randomUUID() },
  };
}

function webhook(reportId: string, name: string, requested: Date): { id: string; body: string } {
  const requestedAt = requested.toISOString();
  const data = {
    job_id: `job_${name}`,
    report_id: reportId,
    report_type: 'org',
    research_status: 'completed',
    research_report: `the text of ${name}`,
    requested_at: requestedAt,
  };
  const body = JSON.stringify({ type: 'report.prelim.completed', timestamp: requestedAt, data });
  return { id: `evt_${name}`, body };
}

async function request(sql: postgres.Sql, reportId: string): Promise<{ id: string; token: number }> {
  const id = `job_${randomUUID()}`;
  const [row] = await sql<{ token: number | null }[]>`
    select (public.request_report_job(
      p_job_id => ${id}, p_caller => 'pipeline', p_report_type => 'org', p_report_id => ${reportId}, p_stage => 'prelim',
      p_prompt => 'p', p_generate => true, p_lease_seconds => ${LONG_SECONDS}, p_quota => 2)
      #>> '{run,lease_token}')::int as token`;
  if (row === undefined || row.token === null) throw new Error('a job was not begun');
  return { id, token: row.token };
}

async function complete(sql: postgres.Sql, { id, token }: Scene['job']): Promise<Held> {
  const [row] = await sql<{ delivery: Held | null }[]>`
    select public.complete_report_job(
      ${id}, 'completed', ${LONG_SECONDS}, ${token}, ${`the text of ${id}`}) -> 'delivery' as delivery`;
  if (row === undefined || row.delivery === null) throw new Error('a job was not completed');
  return row.delivery;
}

async function addSubscriber(sql: postgres.Sql): Promise<string> {
  const id = 'ep-0123456789abcdef';
  const settings = {
    url: 'https://hooks.example.org/polaris',
    description: 'explored',
    events: {},
    filter: null,
    format_version: 2,
    body: 'full',
    mode: 'every',
    rate_per_second: null,
    compression: 'none',
  };
  await sql`select public.create_endpoint(
    ${randomUUID()}, ${sql.json(settings)}, ${id}, 'sealed', ${'0'.repeat(64)}, 'tester', null, null)`;
  const [check] = await sql<{ id: number }[]>`
    select (public.begin_endpoint_check(${id}, 'hooks.example.org', 'tester') ->> 'check_id')::int as id`;
  await sql`select public.record_endpoint_check(${check?.id ?? null}, true, '[]')`;
  // It may be sent as much at once as one that has been good for long.
  await sql`update private.subscribers set limited_at = now() - interval '1 hour' where endpoint_id = ${id}`;
  return id;
}
