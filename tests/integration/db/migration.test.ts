import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkDatabase } from '../../../tools/db/check.ts';
import { findDifferences } from '../../../tools/db/differences.ts';
import { formatFinding } from '../../../tools/db/finding.ts';
import { roomLine } from '../../../tools/db/generated-part.ts';
import { lintMigrations } from '../../../tools/db/lint/migrations.ts';
import { lintSource } from '../../../tools/db/lint/sources.ts';
import { readSources, type Source } from '../../../tools/db/read-sources.ts';
import { rewriteMigrations } from '../../../tools/db/rewrite-migrations.ts';
import { migrateInSteps, withConnection } from '../../../tools/db/throwaway.ts';
import { writeMigration, type WrittenMigration } from '../../../tools/db/write-migration.ts';
import { createEmptyDatabase } from '../../support/throwaway-database.ts';

const PLATFORM = `create table public.org_reports (id int primary key, user_id uuid);
alter table public.org_reports enable row level security;
create policy "owners select" on public.org_reports for select using (true);
create function public.get_failed_webhooks() returns int language sql stable set search_path = '' as 'select 1';
`;
const HEAD = `-- Why: things.
select set_config('lock_timeout', '2s', true);
create schema private;
create table public.things (id bigint generated always as identity primary key, title text);
`;
const COUNT = `create or replace function private.count_things() returns bigint
language sql stable set search_path = '' as $$ select count(*) from public.things $$;
comment on function private.count_things() is 'How many things there are.';
revoke all on function private.count_things() from public, anon, authenticated, service_role;
grant execute on function private.count_things() to service_role;
`;
const VIEW = `create or replace view private.all_things with (security_invoker = true) as
select id, title, private.count_things() as total from public.things;
comment on view private.all_things is 'Things.';
revoke all on private.all_things from public, anon, authenticated, service_role;
grant select on private.all_things to authenticated;
`;
const TABLE = `comment on table public.things is 'Things.';
alter table public.things enable row level security;
revoke all on table public.things from anon, authenticated, service_role;
revoke all on sequence public.things_id_seq from anon, authenticated, service_role;
grant select on table public.things to authenticated;
grant update (title) on table public.things to authenticated;
drop policy if exists "all read" on public.things;
create policy "all read" on public.things for select to authenticated using (true);
`;
const REPORTS = `drop policy if exists "nobody inserts" on public.org_reports;
create policy "nobody inserts" on public.org_reports for insert to authenticated with check (false);
`;
const FILES = {
  'supabase/migrations/20240101000001_platform.sql': PLATFORM,
  'supabase/migrations/20261201000000_things.sql': `${HEAD}${roomLine('events')}\n`,
  'supabase/sql/events/count_things.sql': COUNT,
  'supabase/sql/events/all_things.sql': VIEW,
  'supabase/sql/events/things.sql': TABLE,
  'supabase/sql/events/org_reports.sql': REPORTS,
};

let project: string;

beforeEach(async () => {
  project = await mkdtemp(join(tmpdir(), 'polaris-project-'));
  for (const [path, text] of Object.entries(FILES)) await write(path, text);
  await rewriteMigrations(folder(), await sources(), new Set());
});

afterEach(() => rm(project, { recursive: true }));

const folder = () => join(project, 'supabase/migrations');

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(project, path)), { recursive: true });
  await writeFile(join(project, path), text);
}

async function sources(): Promise<Source[]> {
  const read = await readSources(join(project, 'supabase/sql'));
  expect(read.findings).toEqual([]);
  return read.sources;
}

async function findings(): Promise<string[]> {
  await using database = await createEmptyDatabase();
  return (await checkDatabase(database.url, project, await sources())).map(formatFinding);
}

async function migration(name = 'change_things', why = 'things change'): Promise<WrittenMigration> {
  await using database = await createEmptyDatabase();
  const migrated = await migrateInSteps(database.url, project);
  const all = await sources();
  const differences = await withConnection(database.url, (sql) => findDifferences(sql, migrated, all));
  return await writeMigration(
    { folder: folder(), name, why, now: new Date('2026-12-05T10:20:30Z') },
    differences,
  );
}

describe('checking a migrated database', () => {
  it('finds nothing where sources, migrations and rights agree', async () => {
    const all = await sources();
    expect((await Promise.all(all.map(lintSource))).flat()).toEqual([]);
    expect(await lintMigrations(folder())).toEqual([]);
    expect(await findings()).toEqual([]);
  });

  it('names each source that the migrations do not make', async () => {
    await write('supabase/sql/events/count_things.sql', COUNT.replace('count(*)', 'count(id)'));
    await write('supabase/sql/events/all_things.sql', VIEW.replace(`is 'Things.'`, `is 'All things.'`));
    await write('supabase/sql/events/things.sql', TABLE.replace('using (true)', 'using (id > 0)'));
    const more = COUNT.replaceAll('count_things', 'more');
    await write('supabase/sql/events/more.sql', more);
    expect(await findings()).toEqual([
      expect.stringContaining('execute on function private.more to service_role: the file states it'),
      expect.stringMatching(/^function private\.count_things\(\) \[drift\] differs/),
      expect.stringMatching(
        /^function private\.more\(\) \[drift\] is in supabase\/sql, but no migration makes it/,
      ),
      expect.stringMatching(/^policy "all read" on public\.things \[drift\] differs/),
      expect.stringMatching(/^view private\.all_things \[drift\] differs/),
    ]);
  });

  it('names each right that no file states, and what of the platform was changed', async () => {
    await write(
      'supabase/migrations/20261202000000_open.sql',
      `grant execute on function private.count_things() to anon;
       grant insert, select (title) on public.things to anon;
       grant usage on sequence public.things_id_seq to authenticated;
       revoke select on public.org_reports from anon;
       grant update (id) on public.org_reports to anon;
       alter default privileges in schema public revoke all on tables from anon;
       drop policy "owners select" on public.org_reports;
       comment on column public.org_reports.user_id is 'Ours?';
       create table public.others (id int);
       create function public.forgotten() returns int language sql as 'select 1';`,
    );
    const found = await findings();
    expect(found.filter((finding) => finding.includes('the file does not state it'))).toEqual([
      expect.stringContaining('execute on function private.count_things to anon'),
      expect.stringContaining('select (title) on relation public.things to anon'),
      expect.stringContaining('insert on relation public.things to anon'),
      expect.stringContaining('usage on sequence public.things_id_seq to authenticated'),
    ]);
    expect(found.filter((finding) => finding.includes('[platform]'))).toEqual([
      expect.stringContaining('column public.org_reports.id'),
      expect.stringContaining('column public.org_reports.user_id'),
      expect.stringContaining('default privileges of postgres in public on r'),
      expect.stringContaining('policy "owners select" on public.org_reports'),
      expect.stringContaining('table public.org_reports'),
    ]);
    expect(found.filter((finding) => finding.includes('has no source'))).toEqual([
      expect.stringContaining('function public.forgotten()'),
      expect.stringContaining('table public.others'),
    ]);
  });

  it("takes a function's text for the source of the policies and triggers that it makes", async () => {
    await write(
      'supabase/sql/events/add_policies.sql',
      COUNT.replaceAll('count_things', 'add_policies').replace(
        /returns[^]*\$\$;/,
        () =>
          `returns void language plpgsql volatile set search_path = '' as $$
declare
  v_verb text;
begin
  foreach v_verb in array '{update,delete}'::text[] loop
    execute format('create policy %I on public.org_reports for %s using (false)', 'nobody ' || v_verb, v_verb);
  end loop;
end $$;`,
      ),
    );
    await rewriteMigrations(folder(), await sources(), new Set());
    const calls = '-- Why: nobody.\nselect private.add_policies();\n';
    await write('supabase/migrations/20261202000000_nobody.sql', calls);
    expect(await findings()).toEqual([]);
    const another = 'create policy "nobody at all" on public.org_reports for all using (false);\n';
    await write('supabase/migrations/20261202000000_nobody.sql', calls + another);
    expect(await findings()).toEqual([expect.stringMatching(/^policy "nobody at all" .* has no source/)]);
  });

  it("takes a function's text for the source of the tables that it makes, known by their policies", async () => {
    await write(
      'supabase/sql/events/add_table.sql',
      COUNT.replaceAll('count_things()', 'add_table(text)')
        .replace('function private.add_table(text)', 'function private.add_table(p_name text)')
        .replace(
          /returns[^]*\$\$;/,
          () =>
            `returns void language plpgsql volatile set search_path = '' as $$
begin
  execute format('create table public.%I (id int)', p_name);
  execute format('alter table public.%I enable row level security', p_name);
  execute format('create policy "nobody" on public.%I for all using (false)', p_name);
end $$;`,
        ),
    );
    await rewriteMigrations(folder(), await sources(), new Set());
    const call = "-- Why: more.\nselect private.add_table('more');\n";
    await write('supabase/migrations/20261202000000_more.sql', call);
    expect(await findings()).toEqual([]);
    await write(
      'supabase/migrations/20261202000000_more.sql',
      `${call}create table public.other (id int);\n`,
    );
    expect(await findings()).toEqual([expect.stringMatching(/^table public.other .* has no source/)]);
  });

  it('reports which source PostgreSQL rejects', async () => {
    await write('supabase/sql/events/all_things.sql', VIEW.replace('title,', 'titel,'));
    expect(await findings()).toEqual([
      expect.stringContaining('all_things.sql [syntax] column "titel" does not exist'),
    ]);
  });

  it('lets PostgreSQL check the bodies once all objects exist', async () => {
    const text = COUNT.replace('public.things', 'public.thngs');
    await write('supabase/sql/events/count_things.sql', text);
    await rewriteMigrations(folder(), await sources(), new Set());
    expect(await findings()).toEqual([expect.stringContaining('relation "public.thngs" does not exist')]);
  });
});

describe('npm run db:migration', () => {
  it('writes what differs, in order; applied, nothing differs any more', async () => {
    const changed = COUNT.replace('count(*)', 'count(id)');
    await write('supabase/sql/events/count_things.sql', changed);
    await write('supabase/sql/events/org_reports.sql', REPORTS.replace('check (false)', 'check (id > 0)'));
    expect(await migration()).toEqual({ file: '20261205102030_change_things.sql', toConfirm: [] });
    expect(await readFile(join(folder(), '20261205102030_change_things.sql'), 'utf8')).toBe(
      [
        '-- Why: things change\n',
        '-- Generated from supabase/sql: edited there, written by npm run db:migration.\n',
        'set check_function_bodies = off;\n',
        `-- supabase/sql/events/count_things.sql\n${changed}`,
        `-- supabase/sql/events/org_reports.sql\n${REPORTS.replace('check (false)', 'check (id > 0)')}`,
      ].join('\n'),
    );
    expect(await findings()).toEqual([]);
    await expect(migration('again')).rejects.toThrow('Nothing differs');
  });

  it('locks no table for what it has already: row level security, policies and triggers', async () => {
    const notify = `create or replace function private.note_thing() returns trigger
language plpgsql volatile set search_path = '' as $$ begin return new; end $$;
comment on function private.note_thing() is 'Notes a thing.';
revoke all on function private.note_thing() from public, anon, authenticated, service_role;
`;
    const trigger = `create or replace trigger note_thing before insert on public.things
for each row execute function private.note_thing();
`;
    const policy = `drop policy if exists "some read" on public.things;
create policy "some read" on public.things for select to authenticated using (id > 1);
`;
    await write('supabase/sql/events/note_thing.sql', notify);
    const table = TABLE.replace("'Things.'", "'All things.'");
    await write('supabase/sql/events/things.sql', table + trigger + policy);
    await migration();
    const path = join(folder(), '20261205102030_change_things.sql');
    const [comment, , ...rights] = table.trimEnd().split('\n').slice(0, -2);
    expect((await readFile(path, 'utf8')).split('-- supabase/sql/events/things.sql\n')[1]).toBe(
      `${[comment, ...rights].join('\n')}\n${trigger}${policy}`,
    );
    expect(await findings()).toEqual([]);

    await write('supabase/sql/events/things.sql', table + trigger.replace('before', 'after'));
    await migration('again');
    const again = await readFile(join(folder(), '20261205102031_again.sql'), 'utf8');
    expect(again).not.toMatch(/row level security|"all read"/);
    expect(again).toContain('create or replace trigger note_thing after insert');
  });

  it('writes a drop as a comment, for what has no source any more and for what cannot be replaced', async () => {
    await rm(join(project, 'supabase/sql/events/all_things.sql'));
    await write(
      'supabase/sql/events/count_things.sql',
      COUNT.replace('returns bigint', 'returns int').replace('count(*)', 'count(*)::int'),
    );
    await write('supabase/sql/events/things.sql', TABLE.replace(/drop policy[^]*$/, ''));
    const { file, toConfirm } = await migration();
    expect(toConfirm).toEqual([
      'drop function private.count_things()',
      'drop policy "all read" on public.things',
      'drop view private.all_things',
    ]);
    const text = await readFile(join(folder(), file), 'utf8');
    expect(text).toContain('-- To be confirmed: view private.all_things has no source any more.');
    expect(text).toContain('\n-- drop view private.all_things;\n');
    expect(text).toContain('cannot change return type of existing function');
    // A person confirms them, in the order in which PostgreSQL takes them.
    const drops = toConfirm.reverse().map((drop) => `${drop};\n`);
    await writeFile(
      join(folder(), file),
      text.replace(/-- To be confirmed[^]*?(?=-- Generated)/, () => drops.join('')),
    );
    expect(await findings()).toEqual([]);
  });

  it('takes the time after the newest migration when the clock is behind it', async () => {
    await write('supabase/migrations/20270101000000_later.sql', '-- Why: later.\nselect 1;\n');
    await write('supabase/sql/events/count_things.sql', COUNT.replace('count(*)', 'count(id)'));
    expect((await migration()).file).toBe('20270101000001_change_things.sql');
  });

  it.each([
    ['Things', 'why', 'is not a valid migration name'],
    ['1things', 'why', 'is not a valid migration name'],
    ['things-more', 'why', 'is not a valid migration name'],
    ['../things', 'why', 'is not a valid migration name'],
    ['', 'why', 'is not a valid migration name'],
    ['a'.repeat(61), 'why', 'is not a valid migration name'],
    ['fine', ' ', 'Say in one line why'],
    ['fine', 'two\nlines', 'Say in one line why'],
  ])('refuses the name "%s" with the reason "%s"', async (name, why, message) => {
    const nothing = {
      changes: [],
      changed: [],
      replacements: [],
      orphans: [],
      ungranted: [],
      declared: new Set<string>(),
      applied: new Map(),
    };
    const request = { folder: folder(), name, why, now: new Date() };
    await expect(writeMigration(request, nothing)).rejects.toThrow(message);
  });

  it('refuses a name that a migration has', async () => {
    await write('supabase/sql/events/count_things.sql', COUNT.replace('count(*)', 'count(id)'));
    await expect(migration('things')).rejects.toThrow('20261201000000_things.sql has this name already');
  });
});
