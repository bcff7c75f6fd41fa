import { describe, expect, it } from 'vitest';
import { readSource, type Source } from '../../../tools/db/read-sources.ts';
import { compareRights } from '../../../tools/db/rights.ts';
import type { Right } from '../../../tools/db/stated-rights.ts';

async function source(name: string, text: string): Promise<Source> {
  const { source: read, findings } = await readSource('events', `supabase/sql/events/${name}.sql`, text);
  if (read === undefined) throw new Error(JSON.stringify(findings));
  return read;
}

const table = await source(
  'things',
  `comment on table public.things is 'Things.';
   revoke all on table public.things from anon, authenticated, service_role;
   revoke all on sequence public.things_id_seq from anon, authenticated, service_role;
   grant select, update (read_at, title) on public.things to authenticated;`,
);
const held: Right[] = [
  { on: 'relation public.things', grantee: 'authenticated', privilege: 'select' },
  { on: 'relation public.things', grantee: 'authenticated', privilege: 'update', column: 'read_at' },
  { on: 'relation public.things', grantee: 'authenticated', privilege: 'update', column: 'title' },
];
const messages = (sources: Source[], rights: Right[]) =>
  compareRights(sources, rights).map(({ where, message }) => `${where} ${message}`);

it('exactly the stated rights are no finding, whatever others have on other objects', () => {
  const others = { on: 'relation public.others', grantee: 'anon', privilege: 'select' };
  expect(messages([table], [...held, others])).toEqual([]);
});

describe('a right that the file does not state', () => {
  it.each<[string, Right]>([
    ['of a role', { on: 'relation public.things', grantee: 'anon', privilege: 'select' }],
    ['of everybody', { on: 'relation public.things', grantee: 'public', privilege: 'select' }],
    ['of another kind', { on: 'relation public.things', grantee: 'authenticated', privilege: 'trigger' }],
    [
      'on a column',
      { on: 'relation public.things', grantee: 'authenticated', privilege: 'update', column: 'id' },
    ],
    ['on the whole table', { on: 'relation public.things', grantee: 'authenticated', privilege: 'update' }],
    ['on its sequence', { on: 'sequence public.things_id_seq', grantee: 'anon', privilege: 'usage' }],
    [
      'to give away',
      { on: 'relation public.things', grantee: 'authenticated', privilege: 'select with grant option' },
    ],
  ])('%s', (_name, right) => {
    expect(messages([table], [...held, right])).toEqual([
      expect.stringMatching(/^supabase\/sql\/events\/things\.sql .*the file does not state it$/),
    ]);
  });
});

it('a right that the file states and nobody has', () => {
  expect(messages([table], held.slice(1))).toEqual([
    'supabase/sql/events/things.sql select on relation public.things to authenticated: the file states it, the database does not give it',
  ]);
});

it("says nothing of a platform's table", async () => {
  const platform = await source(
    'org_reports',
    'create or replace trigger keep before update on public.org_reports for each row execute function private.keep();',
  );
  const right = { on: 'relation public.org_reports', grantee: 'anon', privilege: 'select' };
  expect(messages([platform], [right])).toEqual([]);
});
