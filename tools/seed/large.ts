import type postgres from 'postgres';
import { REPORT_TYPES } from '../../src/contracts/constants.ts';

export interface SeedSize {
  /** Each with an event and a job. Two belong to one report: its prelim and its final. */
  deliveries: number;
  auditRows: number;
  /** Age of the oldest rows. The others are evenly spread. */
  days: number;
}

/** The size of `npm run seed:large`. */
export const LARGE: SeedSize = { deliveries: 200_000, auditRows: 1_000_000, days: 10 };

/** Two deliveries per report, so 50 reports per owner. */
const DELIVERIES_OF_AN_OWNER = 100;
/** Waiting deliveries are younger than this, however long the past is. */
const OPEN_HOURS = 7;
/** Older dead letters were redriven, and older failed reports were requested again. */
const UNSETTLED_DAYS = 8;
/** Audit rows are written in the order of their time, as traffic would write them: those of this many deliveries at once. */
const DELIVERIES_OF_A_PART = 20_000;

export class AlreadySeeded extends Error {
  override name = 'AlreadySeeded';
}

/**
 * Fills a database with the rows that this many deliveries would have left: most succeeded, and some failed first. Dead letters
 * and failed reports are of the last days, and a few deliveries of the last hours still wait (for hours, so that no sweep sends
 * them); their number follows the traffic, not the length of the past. All invariants hold: `verify_reports()` finds nothing.
 * The connection's user must be a superuser or able to set `session_replication_role`, as `postgres` is.
 * @throws {AlreadySeeded}
 */
export async function seedLarge(sql: postgres.Sql, { deliveries, auditRows, days }: SeedSize): Promise<void> {
  await sql.begin(async (transaction) => {
    const [known] = await transaction`select from public.report_events where id = 'seed_evt_0'`;
    if (known) throw new AlreadySeeded('This database holds the seed already.');
    // The rows are written in the state that the triggers would leave; running the triggers would take minutes.
    await transaction`set local session_replication_role = replica`;
    await transaction`set local synchronous_commit = off`;
    // Hosted projects end statements of `postgres` after two minutes.
    await transaction`set local statement_timeout = 0`;
    await transaction`set local maintenance_work_mem = '256MB'`;
    await transaction`set local work_mem = '256MB'`;
    await addPlan(transaction, deliveries, days);
    // Building an index once at the end takes a fraction of the time.
    const indexes = await dropIndexes(transaction);
    await addReports(transaction);
    await addAudit(transaction, deliveries, auditRows);
    for (const { definition } of indexes) await transaction.unsafe(definition);
    // The existing roll-up does not include the added rows.
    await transaction`delete from public.webhook_counts`;
    await transaction`delete from public.webhook_latencies`;
    await transaction`delete from private.webhook_totals`;
    await transaction`delete from private.latency_totals`;
    await transaction`update public.webhook_roll_up set rolled_up_until = '-infinity'`;
  });
  for (;;) {
    const [row] = await sql<{ quarters: number }[]>`select public.roll_up_webhooks(100) as quarters`;
    if (row === undefined || row.quarters === 0) break;
  }
  await sql`vacuum analyze`;
}

/** Indexes of our large tables, except those of constraints. */
async function dropIndexes(sql: postgres.TransactionSql): Promise<readonly { definition: string }[]> {
  const indexes = await sql<{ name: string; definition: string }[]>`
    select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as definition
    from pg_index
    where indrelid = any (array[
        'public.webhook_audit', 'public.report_events', 'public.webhook_deliveries',
        'private.report_contents', 'public.report_notifications']::regclass[]
        || array(select format('public.%I', table_name)::regclass from public.report_types)::regclass[])
      and not indisunique
    -- Of two that serve a query alike, the planner takes the older one.
    order by indexrelid`;
  for (const { name } of indexes) await sql.unsafe(`drop index ${name}`);
  return indexes;
}

/** One row per delivery: its outcome and times. All other rows are derived from these. */
async function addPlan(sql: postgres.TransactionSql, deliveries: number, days: number): Promise<void> {
  await sql`
    create temporary table plan on commit drop as
    select
      n, 'seed_evt_' || n as event_id, 'seed_job_' || n as job_id,
      overlay(overlay(md5('seed report ' || n / 2) placing '4' from 13) placing '8' from 17)::uuid as report_id,
      overlay(overlay(md5('seed owner ' || (n / 2) % ${Math.ceil(deliveries / DELIVERIES_OF_AN_OWNER)}::int) placing '4' from 13) placing '8' from 17)::uuid as user_id,
      (${sql.array([...REPORT_TYPES])}::text[])[1 + (n / 2) % ${REPORT_TYPES.length}::int] as report_type,
      (array['prelim', 'final'])[1 + n % 2] as stage,
      date_trunc('milliseconds', now() - interval '1 day' * ${days}::float8 * (1 - n / ${deliveries}::float8)
        - interval '2 minutes') as at,
      -- Spreads the rare cases; the same whenever it is run.
      n::bigint * 7919 % 1000 as lot,
      n >= ${deliveries}::int * (1 - ${OPEN_HOURS / 24}::float8 / ${days}::float8) as recent,
      n >= ${deliveries}::int * (1 - ${UNSETTLED_DAYS}::float8 / ${days}::float8) as unsettled
    from generate_series(0, ${deliveries}::int - 1) n`;
  await sql`
    alter table plan
      add column failed_job boolean, add column dead_reason text, add column status text, add column attempts int,
      add column response jsonb`;
  await sql`
    update plan set
      -- A failed final leaves its report failed; after a failed prelim the final has come.
      failed_job = stage = case when unsettled then 'final' else 'prelim' end and lot between 500 and 509,
      dead_reason = case when recent or not unsettled then null when lot < 12 then 'attempts_exhausted' when lot < 16 then 'refused' end,
      status = case
        when recent and lot < 120 then 'failed' when recent and lot < 140 then 'sent'
        when recent and lot < 150 then 'pending' when lot < 16 and unsettled and not recent then 'failed' else 'success' end`;
  await sql`
    update plan set
      attempts = case when status = 'pending' then 0 when dead_reason = 'attempts_exhausted' then 10
        when status <> 'success' then 4 when lot < 100 then 3 else 1 end,
      response = case
        when status = 'success' then '{"status": 200, "outcome": "applied"}'::jsonb
        when status = 'pending' then '{}'
        when status = 'sent' then '{"status": null, "error": "no answer within 10000 ms", "duration_ms": 10000}'
        when dead_reason = 'refused' then
          '{"status": 409, "error": "event_conflict", "response": {"code": "event_conflict"}, "duration_ms": 12}'
        else '{"status": 502, "error": "answered 502", "response": "<h1>Bad gateway</h1>", "duration_ms": 640}' end`;
  await sql`alter table plan add column content private.incoming_result`;
  await sql`
    update plan set content = row(
      format('report.%s.%s', stage, case when failed_job then 'failed' else 'completed' end), report_type, report_id, stage,
      job_id, null, case when not failed_job then format(E'# Report %s\n\nThe %s result, seeded.', n / 2, stage) end,
      case when not failed_job then '{"seeded": true}'::jsonb end, null,
      case when failed_job then 'the model gave no text' end, null)::private.incoming_result`;
  await sql`create unique index on plan (n)`;
  await sql`analyze plan`;
}

async function addReports(sql: postgres.TransactionSql): Promise<void> {
  await sql`
    insert into auth.users (id, email)
    select distinct user_id, 'seed-' || user_id || '@example.com' from plan on conflict do nothing`;
  await sql`
    insert into public.report_events (
      id, type, report_type, report_id, stage, job_id, requested_at, digest, error, channel, effect, applied_at, position,
      created_at)
    select
      event_id, format('report.%s.%s', stage, case when failed_job then 'failed' else 'completed' end),
      report_type, report_id, stage, job_id, at, private.content_digest(content),
      case when failed_job then 'the model gave no text' end,
      case status when 'success' then 'webhook' else 'direct' end, 'applied',
      at + interval '41 seconds', 1 + n % 2, at + interval '40 seconds'
    from plan order by n`;
  await sql`
    insert into private.report_contents (event_id, research_report, research_metadata, lost_at)
    select first.event_id, (first.content).research_report, (first.content).research_metadata,
      -- A failure never shows; a prelim is lost to its final.
      case when first.failed_job then first.at + interval '41 seconds'
        when first.stage = 'prelim' and not second.failed_job then second.at + interval '41 seconds' end
    from plan first left join plan second on second.n = first.n + 1 order by first.n`;
  await sql`
    insert into private.job_runs (
      job_id, user_id, status, prompt, percent, created_at, updated_at, started_at, completed_at, report_type, report_id,
      stage, caller, lease_token, event_id, error)
    select
      job_id, user_id, case when failed_job then 'failed' else 'succeeded' end, 'What does the team need?', 100, at,
      at + interval '40 seconds', at + interval '1 second', at + interval '40 seconds', report_type, report_id, stage,
      'pipeline', 2, event_id, case when failed_job then 'the model gave no text' end
    from plan order by n`;
  await sql`
    insert into public.webhook_deliveries (
      event_id, endpoint_id, report_type, report_id, job_id, status, attempts, rounds, last_attempt, next_attempt,
      dead_at, dead_reason, response, lease_token, created_at)
    select
      event_id, stage || '-report', report_type, report_id, job_id, status, attempts, least(attempts, 7),
      case when attempts > 0 then at + interval '45 seconds' end,
      case when status <> 'success' and dead_reason is null then now() + interval '1 minute' * (120 + n % 1000) end,
      case when dead_reason is not null then least(at + interval '31 hours', now()) end, dead_reason, response, 1,
      at + interval '40 seconds'
    from plan order by n`;
  await sql`analyze public.report_events, public.webhook_deliveries`;
  for (const type of REPORT_TYPES) {
    await sql`
      insert into ${sql(`public.${type}_reports`)} (
        id, user_id, user_data, research_report, research_status, research_metadata, stage, winner_event_id,
        webhook_status, webhook_attempts, webhook_last_attempt, webhook_response, webhook_job_id, created_at, updated_at)
      select
        first.report_id, first.user_id,
        jsonb_build_object(
          'full_name', 'Person ' || first.n / 2, 'job_title', 'Nurse', 'organisation_name', 'Organisation ' || first.n / 2,
          'industry', 'Health', 'requirement_title', 'Requirement ' || first.n / 2, 'business_need', 'Fewer mistakes'),
        content.research_report, case when latest.failed_job then 'failed' else 'completed' end::public.research_status,
        content.research_metadata, event.stage, event.id,
        delivery.status, delivery.attempts, delivery.last_attempt, delivery.response, delivery.job_id,
        first.at - interval '1 minute', latest.at + interval '41 seconds'
      from plan first
      left join plan second on second.n = first.n + 1
      cross join lateral (select (coalesce(second, first)).*) latest
      join public.report_events event
        on event.id = case when latest.failed_job then first.event_id else latest.event_id end
      join private.report_contents content on content.event_id = event.id
      join public.webhook_deliveries delivery on delivery.event_id = latest.event_id
      where first.n % 2 = 0 and first.report_type = ${type}
      order by first.n`;
  }
  await sql`
    insert into public.report_notifications (user_id, report_type, report_id, event_id, created_at, read_at)
    select user_id, report_type, report_id, event_id, at + interval '41 seconds', case when lot > 300 then at + interval '1 hour' end
    from plan where stage = 'final' and not failed_job order by n`;
}

/**
 * The first two rows of a delivery are its request and its attempt. The others are failed attempts, duplicates and
 * unauthenticated requests.
 */
async function addAudit(sql: postgres.TransactionSql, deliveries: number, auditRows: number): Promise<void> {
  for (let begin = 0; begin < deliveries; begin += DELIVERIES_OF_A_PART) {
    await sql`
    insert into public.webhook_audit (
      direction, endpoint_id, job_id, report_id, report_table, event_id, request_payload, response_status, response_body,
      error_message, outcome, attempt_number, body_sha256, body_bytes, duration_ms, created_at)
    select
      case when kind in ('failed', 'unknown', 'delivered') then 'out' else 'in' end,
      stage || '-report',
      case when kind <> 'invalid_signature' then job_id end,
      case when kind <> 'invalid_signature' then report_id end,
      case when kind <> 'invalid_signature' then report_type || '_reports' end,
      case when kind <> 'invalid_signature' then event_id end,
      case kind when 'invalid_signature' then jsonb_build_object('endpoint', stage || '-report', 'method', 'POST')
        else jsonb_build_object('id', event_id, 'type', format('report.%s.completed', stage)) end,
      case kind when 'failed' then 502 when 'invalid_signature' then 401 when 'unknown' then null else 200 end,
      case kind when 'failed' then '"<h1>Bad gateway</h1>"'::jsonb when 'unknown' then null
        else jsonb_build_object('outcome', kind) end,
      case kind when 'failed' then 'answered 502' when 'unknown' then 'no answer within 10000 ms'
        when 'invalid_signature' then 'Invalid signature' end,
      kind, 1 + place / 2, encode(sha256(event_id::bytea), 'hex'), 6000,
      case kind when 'unknown' then 10000 else exp(random_normal(4.2, 0.7)) end,
      least(at + interval '41 seconds' + interval '1 minute' * place * random(), now() - interval '1 second' * random())
    from (
      select plan.*, place,
        case
          when status = 'success' and place = 0 then 'applied'
          when status = 'success' and place = 1 then 'delivered'
          when status <> 'success' then case when (n + place) % 5 = 0 then 'unknown' else 'failed' end
          else (array[
            'duplicate', 'delivered', 'delivered', 'duplicate', 'failed', 'delivered', 'duplicate', 'delivered',
            'invalid_signature', 'delivered'])[1 + (lot + place) % 10]
        end as kind
      from plan cross join generate_series(0, (${auditRows}::int - 1) / ${deliveries}::int) place
      where n >= ${begin}::int and n < ${begin + DELIVERIES_OF_A_PART}::int and n + place * ${deliveries}::int < ${auditRows}::int) rows
    order by 16`;
  }
}
