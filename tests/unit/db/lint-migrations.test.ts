import { describe, expect, it } from 'vitest';
import { formatFinding } from '../../../tools/db/finding.ts';
import { lintMigration } from '../../../tools/db/lint/migrations.ts';

const NAME = '20261201000010_things.sql';
const MIGRATION = `-- Why: things need a table.
create table public.things (id bigint generated always as identity primary key);
comment on table public.things is 'Things.';
alter table public.things enable row level security;
do $$ begin
  if not exists (select from public.things) then
    update public.things set id = default where false;
  end if;
end $$;
`;

async function findingsOf(text: string, name = NAME): Promise<string[]> {
  return (await lintMigration(name, text)).map(formatFinding);
}

it('a sound migration has no finding', async () => {
  expect(await findingsOf(MIGRATION)).toEqual([]);
});

it('a migration that locks a table of the platform for a limited time has no finding', async () => {
  const alter = 'alter table public.org_reports add column mood text;';
  expect(await findingsOf(`${MIGRATION}select private.lock_table('org_reports');\n${alter}`)).toEqual([]);
});

describe('planted faults of a migration', () => {
  it.each([
    ['why', MIGRATION.replace('-- Why: ', '-- ')],
    ['row-level-security', MIGRATION.replace(/alter table .*\n/, '')],
    ['row-level-security', MIGRATION.replace('enable row', 'disable row')],
    ['comment', MIGRATION.replace(/comment on .*\n/, '')],
    ['without-where', MIGRATION.replace(' where false', '')],
    ['without-where', `${MIGRATION}delete from public.things;`],
    ['on-all', `${MIGRATION}revoke all on all functions in schema public from anon;`],
    ['on-all', `${MIGRATION}grant usage on all sequences in schema public to anon;`],
    ['on-all', `${MIGRATION}grant execute on all routines in schema public to anon;`],
    ['default-privileges', `${MIGRATION}alter default privileges revoke execute on functions from public;`],
    ['search-path', `${MIGRATION}create function private.f() returns int language sql stable return 1;`],
    [
      'volatility',
      `${MIGRATION}create function private.f() returns int language sql set search_path = '' return 1;`,
    ],
    ['dynamic', `${MIGRATION}do $$ declare v record; begin execute v.name; end $$;`],
    ['syntax', `${MIGRATION}select from from;`],
    ['large-table', `${MIGRATION}alter table public.org_reports add column mood text;`],
    ['large-table', `${MIGRATION}drop policy "operators read" on public.report_jobs;`],
    ['large-table', `${MIGRATION}create index on public.webhook_audit (actor);`],
  ])('%s: %#', async (rule, text) => {
    const findings = await findingsOf(text);
    expect(findings).toEqual([expect.stringContaining(`[${rule}]`)]);
  });

  it('a name without a time is refused', async () => {
    expect(await findingsOf(MIGRATION, 'things.sql')).toEqual([expect.stringContaining('[file]')]);
  });
});
