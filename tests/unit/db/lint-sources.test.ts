import { describe, expect, it } from 'vitest';
import { formatFinding } from '../../../tools/db/finding.ts';
import { lintSource, MOST_STATEMENT_MS } from '../../../tools/db/lint/sources.ts';
import { readSource } from '../../../tools/db/read-sources.ts';
import { CALL_TIMEOUT_MS } from '../../../src/server/store/rest-store.ts';

const FUNCTION = `create or replace function private.claim(p_id text) returns text
language plpgsql volatile set search_path = '' as $$
declare
  v_status text;
begin
  update private.things set status = 'claimed' where id = p_id returning status into v_status;
  return v_status;
end $$;
comment on function private.claim(text) is 'Claims a thing.';
revoke all on function private.claim(text) from public, anon, authenticated, service_role;
grant execute on function private.claim(text) to service_role;
`;

const VIEW = `create or replace view private.due_things with (security_invoker = true) as
select id from private.things where due_at < now();
comment on view private.due_things is 'Things that are due.';
revoke all on private.due_things from public, anon, authenticated, service_role;
grant select on private.due_things to authenticated;
`;

const TABLE = `comment on table public.things is 'Things.';
alter table public.things enable row level security;
revoke all on table public.things from anon, authenticated, service_role;
revoke all on sequence public.things_id_seq from anon, authenticated, service_role;
grant select (id, status) on table public.things to authenticated;
drop policy if exists "owners select" on public.things;
create policy "owners select" on public.things for select to authenticated using (user_id = (select auth.uid()));
create or replace trigger keep before update on public.things for each row execute function private.keep();
`;

const PLATFORM = `drop policy if exists "operators select" on public.org_reports;
create policy "operators select" on public.org_reports for select to authenticated using ((select private.is_operator()));
comment on policy "operators select" on public.org_reports is 'Operators read everything.';
comment on column public.org_reports.stage is 'How far the content has come.';
`;

/** All findings of a file, as a person reads them. */
async function findingsOf(name: string, text: string): Promise<string[]> {
  const { source, findings } = await readSource('events', `supabase/sql/events/${name}.sql`, text);
  return [...findings, ...(source ? await lintSource(source) : [])].map(formatFinding);
}

/** A body in the place of the function's. */
const withBody = (body: string, head = 'declare v_status text;') =>
  FUNCTION.replace(/\$\$[^]*\$\$/, () => `$$\n${head}\nbegin\n${body}\nend $$`);

describe('sound sources', () => {
  it.each([
    ['claim', FUNCTION],
    ['private.claim', FUNCTION],
    ['due_things', VIEW],
    ['things', TABLE],
    ['org_reports', PLATFORM],
  ])('%s has no finding', async (name, text) => {
    expect(await findingsOf(name, text)).toEqual([]);
  });

  it('a definer function says why outside its body', async () => {
    const definer = FUNCTION.replace('volatile', 'volatile security definer');
    expect(await findingsOf('claim', `-- Definer: owners may not write this table.\n${definer}`)).toEqual([]);
    const inBody = definer.replace('begin', 'begin -- definer');
    expect(await findingsOf('claim', inBody)).toEqual([expect.stringContaining('[definer]')]);
  });

  it('a body in standard form is read', async () => {
    const text = FUNCTION.replace(
      /language[^]*\$\$;/,
      () =>
        `language sql volatile set search_path = '' begin atomic delete from private.things; select 'x'; end;`,
    );
    expect(await findingsOf('claim', text)).toEqual([
      expect.stringContaining('[without-where] delete of private.things'),
    ]);
  });
});

describe('planted faults of a function', () => {
  it.each([
    ['search-path', FUNCTION.replace(` set search_path = ''`, '')],
    ['search-path', FUNCTION.replace(`search_path = ''`, 'search_path = public')],
    ['search-path', FUNCTION.replace(`search_path = ''`, `search_path = '', public`)],
    ['search-path', FUNCTION.replace(`set search_path = ''`, 'set search_path from current')],
    ['volatility', FUNCTION.replace(' volatile', '')],
    ['comment', FUNCTION.replace(/comment on .*\n/, '')],
    ['comment', FUNCTION.replace(`'Claims a thing.'`, 'null')],
    ['definer', FUNCTION.replace('volatile', 'volatile security definer')],
    ['rights', FUNCTION.replace(/revoke .*\n/, '').replace(/grant .*\n/, '')],
    ['rights', FUNCTION.replace(', service_role;', ';')],
    ['rights', FUNCTION.replace('grant execute', 'grant all')],
    ['rights', FUNCTION.replace('to service_role', 'to service_role with grant option')],
    ['rights', FUNCTION.replace('revoke all', 'revoke execute')],
    ['language', FUNCTION.replace('plpgsql', 'plpython3u')],
    ['file', FUNCTION.replace('or replace ', '')],
    ['file', FUNCTION + VIEW],
    ['file', FUNCTION.replace('function private.claim(text) to', 'function private.other(text) to')],
    ['file', `${FUNCTION}create table private.other (id int);`],
    ['file', FUNCTION.replaceAll('private.claim', 'claim')],
    ['file', FUNCTION.replaceAll('private.claim', 'private.renamed')],
    ['syntax', FUNCTION.replace('returns text', 'retrns text')],
    ['syntax', withBody('if true then return 1; end;')],
    ['syntax', withBody('return (select from where);')],
    ['on-all', withBody('grant select on all tables in schema public to anon;')],
    [
      'default-privileges',
      withBody('alter default privileges in schema public revoke all on tables from anon;'),
    ],
  ])('%s: %#', async (rule, text) => {
    const findings = await findingsOf('claim', text);
    expect(findings).not.toEqual([]);
    expect(findings).toContainEqual(expect.stringContaining(`[${rule}]`));
  });

  it('rights: grants stand after the revoke that would take them away', async () => {
    const [revoke = '', grant = ''] = FUNCTION.split('\n').slice(-3);
    const text = FUNCTION.replace(revoke, '-').replace(grant, revoke).replace('\n-\n', `\n${grant}\n`);
    expect(await findingsOf('claim', text)).toContainEqual(
      expect.stringContaining('must stand before the grants'),
    );
  });

  it('a function without a language is told so', async () => {
    const text = FUNCTION.replace(/language[^]*\$\$;/, () => `volatile set search_path = '' return 'x';`);
    expect(await findingsOf('claim', text)).toEqual([expect.stringContaining('[language]')]);
  });
});

describe('the time limit of a function that REST can call', () => {
  const called = FUNCTION.replaceAll('private.claim', 'public.claim');
  const limited = (...clauses: string[]) =>
    called.replace(`set search_path = ''`, `set search_path = '' ${clauses.join(' ')}`);

  it.each([
    [`set statement_timeout = '7s'`],
    [`set statement_timeout to '7000ms'`],
    ['set statement_timeout = 7000'],
    [`set statement_timeout = '500 ms'`],
  ])('%s is within it', async (clause) => {
    expect(await findingsOf('claim', limited(clause))).toEqual([]);
  });

  it.each([
    ['none', called],
    ['longer', limited(`set statement_timeout = '8s'`)],
    ['longer, in milliseconds', limited('set statement_timeout = 7001')],
    ['longer, in another unit', limited(`set statement_timeout = '1min'`)],
    ['unlimited', limited('set statement_timeout = 0')],
    ['the role’s', limited('set statement_timeout to default')],
    ['that of its migration', limited('set statement_timeout from current')],
    ['no time', limited(`set statement_timeout = 'soon'`)],
    ['stated twice', limited(`set statement_timeout = '7s'`, `set statement_timeout = '6s'`)],
  ])('is missed: %s', async (_name, text) => {
    expect(await findingsOf('claim', text)).toEqual([
      `supabase/sql/events/claim.sql [time-limit] public.claim can be called through REST: write set statement_timeout = '7s', or less, once`,
    ]);
  });

  it('is not asked of a function that no role may call, or that REST does not show', async () => {
    expect(await findingsOf('claim', called.replace(/grant .*\n/, ''))).toEqual([]);
    expect(await findingsOf('claim', FUNCTION)).toEqual([]);
  });

  it('leaves a second for the answer before the server gives the call up', () => {
    expect(MOST_STATEMENT_MS + 1000).toBeLessThanOrEqual(CALL_TIMEOUT_MS);
  });
});

describe('update and delete without where', () => {
  it.each([
    ['a statement', `update private.things set status = 'x';`],
    ['a delete', 'delete from private.things;'],
    [
      'a CTE',
      'with gone as (delete from private.things returning id) insert into private.log select id from gone;',
    ],
    [
      'a CTE of a perform',
      'perform * from (with gone as (delete from private.things returning 1) select * from gone) x;',
    ],
    ['a branch', `if p_id = 'x' then delete from private.things; end if;`],
    ['a handler', `null; exception when others then delete from private.things;`],
    [
      'a query of a loop',
      `for v_status in update private.things set status = 'x' returning status loop null; end loop;`,
    ],
    ['a constant', `execute 'delete from private.things';`],
    ['format', `execute format('update private.%I set status = %L', p_id, 'x');`],
    [
      'format in a loop',
      `for v_status in execute format('delete from private.%I returning id', p_id) loop null; end loop;`,
    ],
    [
      'an absent branch',
      `execute 'delete from private.things' || case when p_id = 'x' then ' where true' else '' end;`,
    ],
    [
      'a null in format',
      `execute format('delete from private.things %s', case when p_id = 'x' then 'where true' end);`,
    ],
    ['a variable', `v_status := 'delete ' || 'from private.things'; execute v_status;`],
    [
      'an element',
      `foreach v_status in array '{select 1,delete from private.things}'::text[] loop execute v_status; end loop;`,
    ],
    [
      'an element of array[]',
      `foreach v_status in array array['delete ' || 'from private.things'] loop execute v_status; end loop;`,
    ],
    [
      'an element of a branch',
      `foreach v_status in array case p_id when 'x' then array['select 1']
         else array['delete ' || 'from private.things'] end
       loop execute v_status; end loop;`,
    ],
    ['a do in a text', `execute 'do $x$ begin delete from private.things; end $x$';`],
    ['a text for later', `perform private.schedule('* * * * *', 'delete from private.things');`],
  ])('is found in %s', async (_name, body) => {
    const findings = await findingsOf('claim', withBody(body));
    expect(findings).toEqual([expect.stringContaining('[without-where]')]);
  });

  it('is found in a cursor and in a declaration', async () => {
    const cursor = withBody(
      'null;',
      'declare v_c cursor for with x as (delete from private.things returning 1) select * from x;',
    );
    expect(await findingsOf('claim', cursor)).toEqual([expect.stringContaining('[without-where]')]);
  });

  it('is found in a language sql body, with its line', async () => {
    const text = FUNCTION.replace('plpgsql', 'sql').replace(
      /\$\$[^]*\$\$/,
      () => `$$\n  select 'x';\n  delete from private.things;\n$$`,
    );
    expect(await findingsOf('claim', text)).toEqual([expect.stringContaining('claim.sql:4 [without-where]')]);
  });

  it('names the line in the file', async () => {
    const findings = await findingsOf('claim', `-- é\n${withBody('null;\ndelete from private.things;')}`);
    expect(findings).toEqual([expect.stringContaining('claim.sql:7 [without-where]')]);
  });

  it('is not found where every variant has its where', async () => {
    const body = `
      execute format('update private.%I set status = $1 where id = $2', p_id) using 'x', p_id;
      execute format('delete from private.things where %s', concat_ws(' and ', 'true', case when p_id = 'x' then 'id = $1' end));
      execute 'delete from private.things' || ' where true';
      execute 'select id from private.things ' || case when p_id = 'x' then 'where id = $1' else 'limit 1' end;
      insert into private.things values (1) on conflict (id) do update set status = 'x';`;
    expect(await findingsOf('claim', withBody(body))).toEqual([]);
  });

  it('is found among more variants than are tried one by one', async () => {
    const parts = Array.from({ length: 14 }, (_, n) => `case when p_id = '${n}' then 'c${n} = 1' end`).join(
      ', ',
    );
    const guarded = `execute format('delete from private.things where %s', concat_ws(' and ', 'true', ${parts}));`;
    expect(await findingsOf('claim', withBody(guarded))).toEqual([]);
    const notes = parts.replaceAll(/'(c\d+) = 1'/g, `'/* $1 */'`);
    const open = `execute concat_ws(' ', 'delete from private.things', ${notes}, case when p_id = 'x' then 'where true' end);`;
    expect(await findingsOf('claim', withBody(open))).toContainEqual(
      expect.stringContaining('[without-where]'),
    );
  });
});

it('update and delete without where are found where all of many conditions are absent', async () => {
  const parts = Array.from({ length: 14 }, (_, n) => `case when p_id = '${n}' then 'and c${n} = 1' end`);
  const text = `delete from private.things %s ${parts.map(() => '%s').join(' ')}`;
  const body = `execute format('${text}', case when p_id = 'x' then 'where true' end, ${parts.join(', ')});`;
  expect(await findingsOf('claim', withBody(body))).toEqual([expect.stringContaining('[without-where]')]);
});

describe('a dynamic statement that cannot be read', () => {
  it.each([
    ['a parameter', 'execute p_id;'],
    ['a parameter in %s', `execute format('select 1 from %s', p_id);`],
    ['a parameter joined', `execute 'select ' || p_id;`],
    ['a column', `select id into v_status from private.things; execute v_status;`],
    ['a diagnostic', `get stacked diagnostics v_status = message_text; execute v_status;`],
    ['an array', `foreach v_status in array string_to_array(p_id, ',') loop execute v_status; end loop;`],
    ['another function', 'execute private.query_of(p_id);'],
    ['a text of itself', `v_status := v_status || 'x'; execute v_status;`],
    ['no SQL', `execute 'delte from private.things';`],
    [
      'no SQL in a branch',
      `execute case when p_id = 'x' then 'select 1' else 'delte from private.things' end;`,
    ],
    ['a query of return query', 'return query execute p_id;'],
    ['a cursor', 'open v_c for execute p_id;'],
  ])('%s', async (_name, body) => {
    const text = withBody(body, 'declare v_status text; v_c refcursor;').replace(
      'returns text',
      'returns setof text',
    );
    expect(await findingsOf('claim', text)).toEqual([expect.stringContaining('[dynamic]')]);
  });
});

describe('planted faults of a view', () => {
  it.each([
    ['invoker', VIEW.replace(' with (security_invoker = true)', '')],
    ['invoker', VIEW.replace('= true', '= false')],
    ['comment', VIEW.replace(/comment on .*\n/, '')],
    ['rights', VIEW.replace(/revoke .*\n/, '')],
    ['file', VIEW.replace('or replace ', '')],
  ])('%s: %#', async (rule, text) => {
    expect(await findingsOf('due_things', text)).toContainEqual(expect.stringContaining(`[${rule}]`));
  });
});

describe('planted faults of a table', () => {
  it.each([
    ['comment', TABLE.replace(/comment on .*\n/, '')],
    ['row-level-security', TABLE.replace(/alter table .*\n/, '')],
    ['rights', TABLE.replace(/revoke all on table .*\n/, '')],
    ['rights', TABLE.replace(/grant select .* on table/, 'grant all on table')],
    [
      'rights',
      TABLE.replace(/revoke all on sequence .*\n/, 'grant usage on sequence public.things_id_seq to anon;\n'),
    ],
    ['on-all', TABLE.replace('on table public.things from', 'on all tables in schema public from')],
    ['file', TABLE.replace(/drop policy .*\n/, '')],
    ['file', TABLE.replace('drop policy if exists', 'drop policy')],
    ['file', TABLE.replace('or replace trigger', 'trigger')],
    ['file', TABLE.replace('enable row level security', 'add column x int')],
    ['file', TABLE.replace('sequence public.things_id_seq', 'sequence public.others_id_seq')],
    ['file', `${TABLE}drop table public.things;`],
  ])('%s: %#', async (rule, text) => {
    expect(await findingsOf('things', text)).toContainEqual(expect.stringContaining(`[${rule}]`));
  });

  it.each([
    ['a grant', 'grant select on public.org_reports to authenticated;'],
    ['a revoke', 'revoke all on public.org_reports from anon;'],
    ['row level security', 'alter table public.org_reports enable row level security;'],
    ['a comment on it', `comment on table public.org_reports is 'Ours?';`],
  ])('platform: %s', async (_name, statement) => {
    expect(await findingsOf('org_reports', PLATFORM + statement)).toEqual([
      expect.stringContaining('[platform]'),
    ]);
  });
});
