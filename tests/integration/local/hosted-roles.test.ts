import type postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createNewProject, createTestDatabase, type TestDatabase } from '../../support/database.ts';

let database: TestDatabase;
let sql: postgres.Sql;
beforeAll(async () => {
  database = await createTestDatabase();
  sql = database.sql;
});
afterAll(() => database.drop());

describe('the owner of the database', () => {
  it('is postgres, who is no superuser but may create roles and databases and passes by row level security', async () => {
    const [row] = await sql`
      select current_user::text as name, pg_get_userbyid(datdba)::text as owner, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls
      from pg_database, pg_roles where datname = current_database() and rolname = current_user`;
    expect(row).toEqual({
      name: 'postgres',
      owner: 'postgres',
      rolsuper: false,
      rolcreaterole: true,
      rolcreatedb: true,
      rolbypassrls: true,
    });
    const superusers = await sql`select rolname from pg_roles where rolsuper`;
    expect(superusers.map(({ rolname }) => rolname as string)).toEqual(['supabase_admin']);
  });

  it('owns every object of the migrations', async () => {
    const others = await sql`
      select relname as name from pg_class
      where relnamespace in ('public'::regnamespace, 'private'::regnamespace) and relowner <> 'postgres'::regrole
      union all
      select proname from pg_proc
      where pronamespace in ('public'::regnamespace, 'private'::regnamespace) and proowner <> 'postgres'::regrole`;
    expect([...others]).toEqual([]);
  });

  it.each([
    ['alter system set work_mem = 1000'],
    ['alter table auth.users add column mine text'],
    ['create table auth.mine (id int)'],
    ['drop function auth.uid()'],
    ['create publication everything for all tables'],
    ['create event trigger mine on ddl_command_end execute function suppress_redundant_updates_trigger()'],
    ["copy (select 1) to '/tmp/polaris-must-not-exist'"],
    ["load 'auto_explain'"],
    ['set session_preload_libraries = auto_explain'],
    ['set role supabase_admin'],
    ['create extension file_fdw'],
  ])('may not %s', async (statement) => {
    await expect(sql.unsafe(statement)).rejects.toThrow(
      /permission denied|must be|superuser|access to library/,
    );
  });

  it.each([
    ['create extension pgcrypto schema extensions'],
    ['create table public.mine (user_id uuid references auth.users on delete cascade)'],
    ['create trigger mine before delete on auth.users execute function suppress_redundant_updates_trigger()'],
    ['alter publication supabase_realtime add table public.report_jobs'],
    ["set local session_replication_role = 'replica'"],
    ['grant anon to postgres'],
    ["alter role anon set work_mem = '1MB'"],
  ])('may %s', async (statement) => {
    const undone = new Error('undone');
    const trying = sql.begin(async (transaction) => {
      await transaction.unsafe(statement);
      throw undone;
    });
    await expect(trying).rejects.toBe(undone);
  });

  it('has two minutes for a statement, and finds what the platform installs', async () => {
    const [row] = await sql`
      select current_setting('statement_timeout') as timeout, current_setting('search_path') as path`;
    expect(row).toEqual({ timeout: '2min', path: '"$user", public, extensions' });
  });
});

describe('the roles of the API', () => {
  it('cannot log in but for authenticator, which has no right of its own', async () => {
    const rows = await sql<{ name: string; rights: string }[]>`
      select rolname as name, concat_ws(' ', case when rolcanlogin then 'login' end, case when rolinherit then 'inherit' end,
        case when rolbypassrls then 'bypassrls' end) as rights
      from pg_roles where rolname in ('anon', 'authenticated', 'service_role', 'authenticator') order by 1`;
    expect(rows.map(({ name, rights }) => `${name}: ${rights}`)).toEqual([
      'anon: ',
      'authenticated: ',
      'authenticator: login',
      'service_role: bypassrls',
    ]);
  });

  it('leave schema auth to the role that owns it', async () => {
    const rows = await sql<{ owner: string }[]>`
      select distinct pg_get_userbyid(relowner)::text as owner from pg_class where relnamespace = 'auth'::regnamespace
      union select pg_get_userbyid(proowner)::text from pg_proc where pronamespace = 'auth'::regnamespace`;
    expect(rows.map(({ owner }) => owner)).toEqual(['supabase_auth_admin']);
  });
});

describe('a new object of schema public', () => {
  const rights = (on: postgres.Sql) => on<
    { role: string; table: string; sequence: string; function: boolean }[]
  >`
    select role,
      (select coalesce(string_agg(verb, ' ' order by verb), '') from unnest(array['select', 'insert', 'update', 'delete']) verb
        where has_table_privilege(role, 'public.fresh', verb)) as table,
      (select coalesce(string_agg(verb, ' ' order by verb), '') from unnest(array['usage', 'select']) verb
        where has_sequence_privilege(role, 'public.fresh_id_seq', verb)) as sequence,
      has_function_privilege(role, 'public.fresh_function()', 'execute') as function
    from unnest(array['anon', 'authenticated', 'service_role']) role`;
  const make = async (on: postgres.Sql) => {
    await on`create table public.fresh (id serial)`;
    await on`create function public.fresh_function() returns int language sql immutable as 'select 1'`;
  };
  const all = { table: 'delete insert select update', sequence: 'select usage', function: true };

  it('is open to everybody in a project made before 30 October 2026', async () => {
    await using project = await createNewProject({ defaultPrivileges: 'open' });
    await make(project.sql);
    expect([...(await rights(project.sql))]).toEqual([
      { role: 'anon', ...all },
      { role: 'authenticated', ...all },
      { role: 'service_role', ...all },
    ]);
  });

  it('is closed in a later project, but for functions, which PostgreSQL itself lets everybody execute', async () => {
    const none = { table: '', sequence: '', function: true };
    await using project = await createNewProject({ defaultPrivileges: 'closed' });
    await make(project.sql);
    expect([...(await rights(project.sql))]).toEqual([
      { role: 'anon', ...none },
      { role: 'authenticated', ...none },
      { role: 'service_role', ...none },
    ]);
  });
});
