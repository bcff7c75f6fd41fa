import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { projectRoot } from '../../tools/local/paths.ts';
import { createReport, createTestDatabase, type TestDatabase } from '../support/database.ts';

/** The statement of the migration that creates the role. */
const MIGRATION = /^do \$\$\nbegin\n {2}-- Roles belong .*?^\$\$;$/ms.exec(
  readFileSync(join(projectRoot, 'supabase/migrations/20261126040000_limit_trace_and_watch.sql'), 'utf8'),
)?.[0];

let database: TestDatabase;
let store: postgres.Sql;
beforeAll(async () => {
  database = await createTestDatabase();
  store = postgres(database.storeUrl, { max: 1, onnotice: () => undefined });
});
afterAll(async () => {
  await store.end();
  await database.drop();
});

/** As the role itself, over a connection of its own. */
async function codeOf(statement: string): Promise<string | undefined> {
  try {
    await store.unsafe(statement);
    return undefined;
  } catch (error) {
    if (error instanceof postgres.PostgresError) return error.code;
    throw error;
  }
}

describe('the role of the direct store', () => {
  it('may execute what the server calls as service_role, and none of the rest', async () => {
    const rows = await database.sql<{ name: string; service: boolean; store: boolean }[]>`
      select proc.oid::regprocedure::text as name,
        has_function_privilege('service_role', proc.oid, 'execute') as service,
        has_function_privilege('polaris_store', proc.oid, 'execute') as store
      from pg_proc proc
      where pronamespace in ('public'::regnamespace, 'private'::regnamespace)
        -- Those of the platform, which everybody may execute.
        and not exists (
          select from aclexplode(coalesce(proacl, acldefault('f', proowner))) where grantee = 0)`;
    expect(rows.filter(({ service }) => service).length).toBeGreaterThan(50);
    // The platform's first version calls these, and closing it takes them from service_role.
    const differing = rows.filter((row) => row.service !== row.store);
    expect(differing.map(({ name }) => name.replace(/\(.*/, '').replace('public.', '')).sort()).toEqual([
      'get_failed_webhooks',
      'update_webhook_status',
    ]);
    expect(differing.filter((row) => row.store)).toEqual([]);
  });

  it('has no right on any table, column or sequence, of ours, of the platform or of Supabase', async () => {
    const rows = await database.sql`
      select class.oid::regclass::text as name from pg_class class
      join pg_namespace on pg_namespace.oid = relnamespace
      where nspname not in ('pg_catalog', 'information_schema') and nspname !~ '^pg_(toast|temp)'
        and case
          when relkind = 'S' then has_sequence_privilege('polaris_store', class.oid, 'usage, select, update')
          when relkind in ('r', 'p', 'v', 'm', 'f') then
            has_table_privilege('polaris_store', class.oid, 'select, insert, update, delete, truncate, references, trigger')
            or has_any_column_privilege('polaris_store', class.oid, 'select, insert, update, references')
          else false end`;
    expect([...rows]).toEqual([]);
    const [count] = await database.sql`
      select count(*)::int as tables from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'`;
    expect(count?.['tables']).toBeGreaterThan(15);
  });

  it('may create nothing, and use no schema but public', async () => {
    const rows = await database.sql`
      select nspname as name from pg_namespace
      where nspname !~ '^pg_' and nspname not in ('information_schema', 'public')
          and has_schema_privilege('polaris_store', oid, 'usage')
        or has_schema_privilege('polaris_store', oid, 'create') and nspname !~ '^pg_'`;
    expect([...rows]).toEqual([]);
    const [role] = await database.sql`
      select rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls, rolcanlogin
      from pg_roles where rolname = 'polaris_store'`;
    expect(role).toEqual({
      rolsuper: false,
      rolinherit: false,
      rolcreaterole: false,
      rolcreatedb: false,
      rolreplication: false,
      rolbypassrls: false,
      rolcanlogin: true,
    });
    const memberships = await database.sql`
      select from pg_auth_members where member = 'polaris_store'::regrole`;
    expect([...memberships]).toEqual([]);
  });

  it.each([
    'select * from public.org_reports',
    'select * from public.report_events',
    'select * from public.operators',
    'select * from private.job_runs',
    'select * from auth.users',
    "insert into public.operators (user_id) values ('00000000-0000-0000-0000-000000000000')",
    "update public.org_reports set research_report = 'x' where true",
    'delete from public.report_jobs where true',
    "select private.content_of_user('00000000-0000-0000-0000-000000000000')",
    "select public.report_results('org', '00000000-0000-0000-0000-000000000000')",
    'create table public.mine (id int)',
    'create schema mine',
    'set role service_role',
    'set role postgres',
    'set session authorization postgres',
    'create role other',
  ])('may not: %s', async (statement) => {
    await createReport(database.sql);
    expect(await codeOf(statement)).toBe('42501');
  });

  it('calls functions, with the rights of their owner inside of them', async () => {
    const [row] = await store`select public.deployment_facts() ->> 'database_time' as time`;
    expect(row?.['time']).toBeTypeOf('string');
  });

  it('has the limits that REST gives each call', async () => {
    const [row] = await store`
      select current_setting('statement_timeout') as statement, current_setting('lock_timeout') as lock,
        current_setting('idle_in_transaction_session_timeout') as idle, current_setting('search_path') as path`;
    expect(row).toEqual({ statement: '7s', lock: '8s', idle: '5s', path: '""' });
  });
});

describe('the migration that makes it', () => {
  it('may be applied again, and changes nothing then', async () => {
    const settings = () => database.sql`
      select xmin::text, setrole, setconfig from pg_db_role_setting where setrole = 'polaris_store'::regrole`;
    const before = await settings();
    await database.sql.begin((sql) => sql.unsafe(MIGRATION ?? ''));
    expect(await settings()).toEqual(before);
  });

  it('refuses a role of this name that may do more', async () => {
    await expect(
      database.sql.begin(async (sql) => {
        await sql.unsafe('alter role polaris_store createdb');
        await sql.unsafe(MIGRATION ?? '');
      }),
    ).rejects.toThrow('it may do more than execute functions');
    await expect(
      database.sql.begin(async (sql) => {
        await sql.unsafe('grant service_role to polaris_store');
        await sql.unsafe(MIGRATION ?? '');
      }),
    ).rejects.toThrow('it may do more than execute functions');
  });
});
