import { randomUUID } from 'node:crypto';
import type postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createReport, createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});

/**
 * What each role may do to each table of ours, whatever the project's default privileges grant. The platform's tables and
 * functions keep the platform's grants: there, row level security and triggers protect. What `create_report_type()` grants is
 * tested with it, in `fourth-report-type`.
 */
const PLATFORM_TABLES = [
  'greeting_reports',
  'org_reports',
  'requirement_reports',
  'polaris_summaries',
  'report_jobs',
  'webhook_audit',
];
const PLATFORM_FUNCTIONS = [
  'cleanup_expired_report_jobs',
  'update_last_edited_at',
  'update_report_jobs_updated_at',
  'update_updated_at_column',
];
const readable = { authenticated: 'select', service_role: '' };
const TABLES: Record<string, { authenticated: string; service_role: string }> = {
  alerts: readable,
  alert_deliveries: readable,
  alert_silences: readable,
  report_events: readable,
  report_notifications: readable,
  report_types: readable,
  operators: readable,
  plans: readable,
  webhook_counts: readable,
  webhook_latencies: readable,
  webhook_roll_up: readable,
  webhook_circuits: readable,
  webhook_deliveries: readable,
  webhook_endpoints: readable,
  webhook_refusals: readable,
};

const SERVICE_FUNCTIONS = [
  'account_content',
  'apply_plan',
  'apply_report_event',
  'apply_report_events',
  'begin_endpoint_check',
  'cancel_plan',
  'cancel_report_job',
  'change_endpoint',
  'claim_alert_delivery',
  'claim_due_deliveries',
  'claim_due_delivery',
  'claim_event_deliveries',
  'claim_ping',
  'claim_report_delivery',
  'complete_report_job',
  'create_endpoint',
  'delivery_backlog',
  'deployment_facts',
  'due_report_jobs',
  'endpoint_history',
  'erase_due',
  'erase_user',
  'evaluate_alerts',
  'event_samples',
  'explain_fan_out',
  'get_failed_webhooks',
  'get_report_job',
  'import_reports',
  'keep_subscribers',
  'list_endpoints',
  'metrics',
  'move_endpoint',
  'pause_unreadable_endpoint',
  'prune_expired',
  'read_events',
  'record_alert_attempt',
  'record_delivered_rounds',
  'record_delivery_attempts',
  'record_endpoint_check',
  'record_ping',
  'record_ping_results',
  'record_sweep',
  'record_webhook_request',
  'redrive_deliveries',
  'release_deliveries',
  'repeat_report_job',
  'replace_endpoint_secret',
  'replace_read_token',
  'report_job_progress',
  'report_usage',
  'request_plan',
  'request_report_job',
  'roll_up_webhooks',
  'subscriber_secrets',
  'take_over_report_job',
  'take_sender_token',
  'update_webhook_status',
  'user_is_operator',
  'verify_reports',
  'verify_slice',
  'work_plan',
];

/** Of these, those that only the servers of the platform's first version call, with the service key. */
const FIRST_VERSION_FUNCTIONS = ['get_failed_webhooks', 'update_webhook_status'];

/** With the caller's rights: what they show follows from the policies. */
const CONSOLE_FUNCTIONS = [
  'as_pattern',
  'audit_step',
  'cause_of',
  'console_status',
  'delivery_causes',
  'end_silence',
  'event_body',
  'event_timeline',
  'internal_endpoint',
  'is_closed',
  'is_operator',
  'job_figures',
  'list_actors',
  'list_alerts',
  'list_all_reports',
  'list_jobs',
  'list_notifications',
  'list_open_deliveries',
  'list_plans',
  'list_report_jobs',
  'list_reports',
  'list_webhook_audit',
  'page_of',
  'plan_view',
  'report_history',
  'report_results',
  'report_webhook_status',
  'require_operator',
  'search_console',
  'silence_alert',
  'silenced_until',
  'title_of',
  'trace',
  'traffic',
  'webhook_statistics',
];

describe('the catalog', () => {
  it('grants each role what is written here, on every table of ours', async () => {
    const rows = await database.sql<{ name: string; role: string; rights: string }[]>`
      select class.relname as name, role, coalesce(string_agg(verb, ' ' order by verb), '') as rights
      from pg_class class
      cross join unnest(array['anon', 'authenticated', 'service_role']) role
      left join unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger']) verb
        on has_table_privilege(role, class.oid, verb)
      where class.relnamespace = 'public'::regnamespace and class.relkind in ('r', 'v', 'm', 'p')
        and class.relname <> all (${PLATFORM_TABLES})
        and class.relname not in (select table_name from public.report_types)
      group by class.relname, role`;
    const granted = Object.fromEntries(rows.map((row) => [`${row.role} ${row.name}`, row.rights]));
    const expected = Object.entries(TABLES).flatMap(([table, rights]) => [
      [`anon ${table}`, ''],
      [`authenticated ${table}`, rights.authenticated],
      [`service_role ${table}`, rights.service_role],
    ]);
    expect(granted).toEqual(Object.fromEntries(expected));
  });

  it('has row level security on every table', async () => {
    const open = await database.sql`
      select relname from pg_class
      where relkind = 'r' and relnamespace in ('public'::regnamespace, 'private'::regnamespace) and not relrowsecurity`;
    expect([...open]).toEqual([]);
  });

  it('lets only the roles of the server execute functions, but for those with rights of the caller, and pins the search path of each', async () => {
    const functions = await database.sql<{ role: string; name: string }[]>`
      select role, proc.proname as name from pg_proc proc
      cross join unnest(array['anon', 'authenticated', 'polaris_store', 'service_role']) role
      where proc.pronamespace in ('public'::regnamespace, 'private'::regnamespace)
        and has_function_privilege(role, proc.oid, 'execute') and proc.proname <> all (${PLATFORM_FUNCTIONS})
      order by role, name`;
    expect(functions.map((row) => `${row.role} ${row.name}`)).toEqual([
      ...CONSOLE_FUNCTIONS.map((name) => `authenticated ${name}`),
      ...SERVICE_FUNCTIONS.filter((name) => !FIRST_VERSION_FUNCTIONS.includes(name)).map(
        (name) => `polaris_store ${name}`,
      ),
      ...SERVICE_FUNCTIONS.map((name) => `service_role ${name}`),
    ]);
    const definers = await database.sql`
      select proname from pg_proc
      where pronamespace in ('public'::regnamespace, 'private'::regnamespace) and prosecdef
        and has_function_privilege('authenticated', oid, 'execute') order by 1`;
    expect(definers.map(({ proname }) => proname as string)).toEqual([
      'console_status',
      'end_silence',
      'event_body',
      'is_operator',
      'job_figures',
      'list_actors',
      'list_all_reports',
      'list_jobs',
      'report_history',
      'report_results',
      'search_console',
      'silence_alert',
    ]);
    const unpinned = await database.sql`
      select proname from pg_proc
      where pronamespace in ('public'::regnamespace, 'private'::regnamespace)
        and not coalesce(proconfig::text like '%search_path=%', false)`;
    expect([...unpinned]).toEqual([]);
  });
});

/** Runs as a signed-in person does behind the REST API. */
async function as<T>(userId: string, work: (sql: postgres.TransactionSql) => Promise<T>): Promise<T> {
  const claims = JSON.stringify({ sub: userId, role: 'authenticated' });
  const result = await database.sql.begin(async (sql) => {
    await sql`select set_config('request.jwt.claims', ${claims}, true),
      set_config('request.jwt.claim.sub', ${userId}, true), set_config('role', 'authenticated', true)`;
    return { value: await work(sql) };
  });
  return result.value;
}

describe('an owner', () => {
  it('cannot forge the webhook columns, the status or the winner, and an edit is an event', async () => {
    const { userId, reportId } = await createReport(database.sql);
    const forged = {
      webhook_status: 'success',
      webhook_attempts: 9,
      research_status: 'failed',
      winner_event_id: null,
    };
    await as(
      userId,
      (sql) => sql`
      update public.org_reports set ${sql({ ...forged, research_report: 'mine' })} where id = ${reportId}`,
    );
    const [row] = await database.sql`
      select report.research_report, report.webhook_status, report.webhook_attempts, report.research_status,
        event.channel, event.effect
      from public.org_reports report join public.report_events event on event.id = report.winner_event_id
      where report.id = ${reportId}`;
    expect(row).toEqual({
      research_report: 'mine',
      webhook_status: 'pending',
      webhook_attempts: 0,
      research_status: 'completed',
      channel: 'owner',
      effect: 'applied',
    });
  });

  const historyOf = (reportId: string) => database.sql`
    select stage, effect, research_report from public.report_events
    left join private.report_contents on event_id = id where report_id = ${reportId} order by requested_at`;

  it('writes nothing into the history of a report that an insert only collides with', async () => {
    const victim = await createReport(database.sql);
    const { userId } = await createReport(database.sql);
    const forged = {
      id: victim.reportId,
      user_id: userId,
      user_data: {},
      research_report: 'x',
      stage: 'final',
    };
    await as(
      userId,
      (sql) => sql`insert into public.org_reports ${sql({ ...forged })} on conflict (id) do nothing`,
    );
    await expect(
      as(
        userId,
        (sql) => sql`insert into public.org_reports ${sql({ ...forged })}
          on conflict (id) do update set research_report = excluded.research_report`,
      ),
    ).rejects.toThrow('row-level security');
    await expect(
      as(userId, (sql) => sql`insert into public.org_reports ${sql({ ...forged })}`),
    ).rejects.toThrow('duplicate key');
    expect(await historyOf(victim.reportId)).toEqual([]);
  });

  it('may upsert: a new report has the event of its text, one that is there is edited', async () => {
    const { userId } = await createReport(database.sql);
    const id = randomUUID();
    const upsert = (text: string) =>
      as(
        userId,
        (sql) => sql`
          insert into public.org_reports (id, user_id, user_data, research_report, stage)
          values (${id}, ${userId}, '{}', ${text}, 'final')
          on conflict (id) do update set research_report = excluded.research_report, stage = excluded.stage
          returning research_report, research_status, stage, winner_event_id is not null as won`,
      );
    const shown = { research_status: 'completed', stage: 'final', won: true };
    expect([...(await upsert('first'))]).toEqual([{ research_report: 'first', ...shown }]);
    expect([...(await upsert('second'))]).toEqual([{ research_report: 'second', ...shown }]);
    await upsert('second');
    expect([...(await historyOf(id))]).toEqual([
      // An edit that the next one follows within minutes is not kept.
      { stage: 'final', effect: 'applied', research_report: null },
      { stage: 'final', effect: 'applied', research_report: 'second' },
    ]);
  });

  it('cannot begin a report with the history of one that was deleted', async () => {
    const { userId, reportId } = await createReport(database.sql);
    await as(
      userId,
      (sql) => sql`update public.org_reports set research_report = 'x' where id = ${reportId}`,
    );
    await as(userId, (sql) => sql`delete from public.org_reports where id = ${reportId}`);
    await expect(
      as(userId, (sql) => sql`insert into public.org_reports (id, user_id) values (${reportId}, ${userId})`),
    ).rejects.toThrow('this report id was used before');
  });

  it('sees only what is theirs, and an operator everything until revoked', async () => {
    const one = await createReport(database.sql);
    const other = await createReport(database.sql);
    const seen = () =>
      as(one.userId, (sql) => sql`select id from public.org_reports where id = ${other.reportId}`);
    expect(await seen()).toHaveLength(0);
    await database.sql`insert into public.operators (user_id) values (${one.userId})`;
    expect(await seen()).toHaveLength(1);
    await database.sql`delete from public.operators where user_id = ${one.userId}`;
    expect(await seen()).toHaveLength(0);
  });

  it('reads summaries that are theirs or shared, and an operator all until revoked', async () => {
    const one = await createReport(database.sql);
    const other = await createReport(database.sql);
    const [hidden, shared] = [randomUUID(), randomUUID()];
    await database.sql`
      insert into public.polaris_summaries (id, user_id, summary_content, is_public)
      values (${hidden}, ${other.userId}, 'hidden', false), (${shared}, ${other.userId}, 'shared', true)`;
    const seen = async () => {
      const rows = await as(
        one.userId,
        (sql) => sql<{ summary_content: string }[]>`
          select summary_content from public.polaris_summaries where user_id = ${other.userId} order by 1`,
      );
      return rows.map(({ summary_content }) => summary_content);
    };
    expect(await seen()).toEqual(['shared']);
    await database.sql`insert into public.operators (user_id) values (${one.userId})`;
    expect(await seen()).toEqual(['hidden', 'shared']);
    await database.sql`delete from public.operators where user_id = ${one.userId}`;
    expect(await seen()).toEqual(['shared']);
  });

  it('cannot change or delete the report of another', async () => {
    const one = await createReport(database.sql);
    const other = await createReport(database.sql);
    const changed = await as(
      one.userId,
      (sql) => sql`
      update public.org_reports set research_report = 'x' where id = ${other.reportId}`,
    );
    expect(changed.count).toBe(0);
    const deleted = await as(
      one.userId,
      (sql) => sql`delete from public.org_reports where id = ${other.reportId}`,
    );
    expect(deleted.count).toBe(0);
  });

  it('cannot call what only the server may', async () => {
    const { userId } = await createReport(database.sql);
    await expect(as(userId, (sql) => sql`select public.apply_report_event('an id')`)).rejects.toThrow(
      'permission denied',
    );
  });
});

it('shows no results to a token that names nobody', async () => {
  const { sql } = database;
  const { userId, reportId } = await createReport(sql);
  const seen = (claims: object) =>
    sql.begin(async (transaction) => {
      await transaction`
        select set_config('request.jwt.claims', ${JSON.stringify(claims)}, true), set_config('role', 'authenticated', true)`;
      const [row] = await transaction`select public.report_results('org', ${reportId}) as results`;
      return row?.['results'] as unknown;
    });
  expect(await seen({ role: 'authenticated', sub: userId })).toEqual([]);
  expect(await seen({ role: 'authenticated', sub: randomUUID() })).toBeNull();
  expect(await seen({ role: 'authenticated' })).toBeNull();
});
