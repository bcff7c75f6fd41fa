import { createHmac } from 'node:crypto';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createNewProject, type TestDatabase } from '../../support/database.ts';
import { openGateway, type Bearer, type TestGateway } from '../../support/gateway.ts';

const POOL = 2;
const POOL_WAIT_MS = 400;

let database: TestDatabase;
let gateway: TestGateway;
let user: { id: string; token: string };
beforeAll(async () => {
  database = await createNewProject();
  await database.sql.unsafe(OBJECTS);
  gateway = await openGateway({
    databaseUrl: database.url,
    maxConnections: POOL,
    poolWaitMs: POOL_WAIT_MS,
  });
  user = await gateway.signUp();
});
afterAll(async () => {
  await gateway.close();
  await database.drop();
});

/** What is called here, and a table of three rows. */
const OBJECTS = `
  create table public.bed (
    id int primary key, owner uuid, data jsonb, list jsonb, checked text default 'fine', unique (checked, id));
  insert into public.bed (id) values (1), (2), (3);
  alter table public.bed enable row level security;
  grant all on public.bed to anon, authenticated, service_role;
  create policy own on public.bed for all to authenticated using (owner = auth.uid()) with check (owner = auth.uid());

  create table public.bed_log (entry int);
  alter table public.bed_log enable row level security;
  insert into public.bed_log values (1), (2);
  revoke all on public.bed_log from anon, authenticated;

  create function public.bed_fail(p_code text) returns void language plpgsql as $$
    begin raise exception using errcode = p_code, message = 'the message', detail = 'the detail', hint = 'the hint'; end $$;
  create function public.bed_guard() returns trigger language plpgsql as $$ begin
    if new.checked like 'code %' then perform public.bed_fail(substr(new.checked, 6)); end if;
    if new.checked = 'empty the log' then delete from public.bed_log; end if;
    return new; end $$;
  create trigger bed_guard before update on public.bed for each row execute function public.bed_guard();

  create function public.bed_log_all() returns int language sql stable as 'select count(*)::int from public.bed_log';
  create function public.bed_log_one() returns int language sql as
    'insert into public.bed_log values (3) returning entry';
  create view public.bed_writing as select public.bed_log_one() as entry;
  create function public.bed_write_stable() returns int language sql stable as 'select public.bed_log_one()';

  create function public.bed_update_all() returns void language sql as 'update public.bed_log set entry = 0';
  create function public.bed_nested() returns void language plpgsql as $$ begin perform public.bed_update_all(); end $$;
  create function public.bed_dynamic() returns void language plpgsql security definer as $$ begin
    execute format('delete from %I.%I', 'public', 'bed_log'); end $$;
  create function public.bed_cte() returns int language plpgsql as $$ declare v_count int; begin
    with gone as (delete from public.bed_log returning 1) select count(*) into v_count from gone; return v_count; end $$;
  create function public.bed_guarded() returns int language plpgsql as $$ declare v_count int; begin
    update public.bed_log set entry = entry where true; get diagnostics v_count = row_count; return v_count; end $$;

  create function public.bed_types(p_data jsonb, p_list jsonb, p_text jsonb, p_number numeric, p_names text[], p_at timestamptz)
    returns jsonb language sql immutable as $$ select jsonb_build_object('data', jsonb_typeof(p_data), 'list', jsonb_typeof(p_list),
      'text', jsonb_typeof(p_text), 'number', p_number::text, 'names', p_names, 'at', p_at = '2026-01-01T00:00:00Z') $$;
  create function public.bed_optional(p_one int, p_two int default 2) returns int language sql immutable as
    'select p_one + p_two';
  create function public.bed_twice(p_one int) returns int language sql immutable as 'select 1';
  create function public.bed_twice(p_one text) returns int language sql immutable as 'select 2';
  create function public.bed_null() returns int language sql immutable as 'select null::int';
  create function public.bed_many(p_count int) returns setof int language sql immutable as
    'select generate_series(1, p_count)';
  create function public.bed_rows() returns table (name text) language sql immutable as $$ values ('a'), ('b') $$;
  create function public.bed_row() returns public.bed language sql stable as 'select * from public.bed where id = 1';

  create function public.bed_session() returns jsonb language sql stable as $$ select jsonb_build_object(
    'session_user', session_user, 'current_user', current_user, 'uid', auth.uid(), 'role', auth.role(), 'email', auth.email(),
    'claims', current_setting('request.jwt.claims', true)::jsonb ->> 'sub',
    'statement_timeout', current_setting('statement_timeout'), 'lock_timeout', current_setting('lock_timeout'),
    'search_path', current_setting('search_path'), 'method', current_setting('request.method', true)) $$;
  create function public.bed_sleep(p_seconds float8) returns void language sql as 'select pg_sleep(p_seconds)';
  create view public.bed_slow as select pg_sleep(5)::text as slept;
  create function public.bed_impatient() returns void language sql set statement_timeout = '200ms' as 'select pg_sleep(2)';
`;

const as = (bearer: 'anon' | 'authenticated' | 'service_role'): Bearer =>
  bearer === 'authenticated' ? user : bearer;
const log = async () => {
  const rows = await database.sql<{ entry: number }[]>`select entry from public.bed_log order by entry`;
  return rows.map(({ entry }) => entry);
};

describe('a request', () => {
  it.each([
    ['anon', '3s'],
    ['authenticated', '8s'],
    ['service_role', '8s'],
  ] as const)('of %s has %s for a statement and 8 s for a lock', async (bearer, timeout) => {
    const { body } = await gateway.call('bed_session', {}, as(bearer));
    expect(body).toMatchObject({
      session_user: 'authenticator',
      current_user: bearer,
      statement_timeout: timeout,
      lock_timeout: '8s',
      search_path: '"public", "extensions"',
      method: 'POST',
    });
  });

  it('of anon ends after its 3 s', async () => {
    const began = performance.now();
    expect(await gateway.call('bed_sleep', { p_seconds: 6 }, 'anon')).toMatchObject({
      status: 500,
      body: { code: '57014' },
    });
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  it('has the time-out that the function itself sets', async () => {
    expect(await gateway.call('bed_impatient')).toMatchObject({ status: 500, body: { code: '57014' } });
  });

  it('has the claims of its token, however SQL asks for them', async () => {
    const { body } = await gateway.call('bed_session', {}, user);
    expect(body).toMatchObject({ uid: user.id, claims: user.id, role: 'authenticated' });
    expect(body).toHaveProperty('email', expect.stringContaining('@example.com'));
    const anonymous = await gateway.call('bed_session', {}, 'anon');
    expect(anonymous.body).toMatchObject({ uid: null, claims: null, role: 'anon', email: null });
  });

  it('waits for a connection, but not for ever', async () => {
    const busy = Array.from({ length: POOL }, () => gateway.call('bed_sleep', { p_seconds: 1 }));
    const [call, table] = await Promise.all([
      gateway.call('bed_null'),
      gateway.send('GET', '/rest/v1/bed?select=id'),
    ]);
    expect(call).toMatchObject({ status: 504, body: { code: 'PGRST003' } });
    expect(table).toMatchObject({ status: 504, body: { code: 'PGRST003' } });
    expect((await Promise.all(busy)).map(({ status }) => status)).toEqual([204, 204]);
    expect(await gateway.call('bed_null')).toEqual({ status: 200, body: null });
  });

  it.each([
    ['a function', () => gateway.call('bed_sleep', { p_seconds: 5 })],
    ['a table', () => gateway.send('GET', '/rest/v1/bed_slow?select=slept')],
  ])('of %s fails with its connection, and the next one has another', async (_what, send) => {
    const sending = send();
    await expect
      .poll(async () => {
        const ended = await database.sql`
          select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and usename = 'authenticator' and query ~ 'bed_sl(eep|ow)' and state = 'active'`;
        return ended.length;
      })
      .toBe(1);
    // Which of the two comes first is chance.
    expect(await sending).toMatchObject({
      status: 503,
      body: { code: expect.stringMatching(/^(57P01|PGRST001)$/) as string },
    });
    for (let time = 0; time < 2 * POOL; time += 1) {
      expect(await gateway.call('bed_null')).toEqual({ status: 200, body: null });
    }
  });
});

describe('a call of a function', () => {
  it('hands its arguments over by their declared types, with every digit', async () => {
    const given = `{"p_data": {"a": 1}, "p_list": [1], "p_text": "{\\"a\\": 1}", "p_number": 12345678901234567890.10,
      "p_names": ["a", "b,c"], "p_at": "2026-01-01T01:00:00+01:00"}`;
    expect(await gateway.send('POST', '/rest/v1/rpc/bed_types', given)).toEqual({
      status: 200,
      body: {
        data: 'object',
        list: 'array',
        text: 'string',
        number: '12345678901234567890.10',
        names: ['a', 'b,c'],
        at: true,
      },
    });
  });

  it.each<[string, object, number, unknown]>([
    ['bed_optional', { p_one: 1 }, 200, 3],
    ['bed_optional', { p_one: 1, p_two: 1 }, 200, 2],
    ['bed_null', {}, 200, null],
    ['bed_many', { p_count: 2 }, 200, [1, 2]],
    ['bed_many', { p_count: 0 }, 200, []],
    ['bed_rows', {}, 200, [{ name: 'a' }, { name: 'b' }]],
    ['bed_row', {}, 200, { id: 1, owner: null, data: null, list: null, checked: 'fine' }],
    ['bed_sleep', { p_seconds: 0 }, 204, null],
  ])('of %s with %j answers %i %j', async (name, given, status, body) => {
    expect(await gateway.call(name, given)).toEqual({ status, body });
  });

  it('answers 1,000 rows at most', async () => {
    const { body } = await gateway.call('bed_many', { p_count: 1005 });
    expect(body).toHaveLength(1000);
  });

  it('is refused with PGRST202 where no function takes its arguments', async () => {
    expect(await gateway.call('bed_missing', { b: 1, a: 1 })).toMatchObject({
      status: 404,
      body: {
        code: 'PGRST202',
        message: 'Could not find the function public.bed_missing(a, b) in the schema cache',
      },
    });
    for (const given of [{}, { p_two: 1 }, { p_one: 1, p_three: 1 }]) {
      expect(await gateway.call('bed_optional', given)).toMatchObject({
        status: 404,
        body: { code: 'PGRST202' },
      });
    }
  });

  it('finds a function that came later, and another form of it', async () => {
    expect(await gateway.call('bed_later')).toMatchObject({ status: 404 });
    await database.sql`create function public.bed_later() returns int language sql immutable as 'select 1'`;
    expect(await gateway.call('bed_later')).toEqual({ status: 200, body: 1 });
    await database.sql`drop function public.bed_later()`;
    await database.sql`
      create function public.bed_later(p_one int) returns int language sql immutable as 'select 2'`;
    expect(await gateway.call('bed_later', { p_one: 1 })).toEqual({ status: 200, body: 2 });
    await database.sql`drop function public.bed_later(int)`;
    expect(await gateway.call('bed_later', { p_one: 1 })).toMatchObject({
      status: 404,
      body: { code: '42883' },
    });
    expect(await gateway.call('bed_later', { p_one: 1 })).toMatchObject({
      status: 404,
      body: { code: 'PGRST202' },
    });
  });

  it('is refused with PGRST203 where several functions take its arguments', async () => {
    expect(await gateway.call('bed_twice', { p_one: 1 })).toMatchObject({
      status: 300,
      body: {
        code: 'PGRST203',
        message: expect.stringContaining('public.bed_twice(p_one => integer)') as string,
      },
    });
  });

  it.each(['{"a": ', '[]', '1'])('is refused with PGRST102 for the body %s', async (body) => {
    expect(await gateway.send('POST', '/rest/v1/rpc/bed_null', body)).toMatchObject({
      status: 400,
      body: { code: 'PGRST102' },
    });
  });

  it.each([
    ['GET', '/rest/v1/rpc/bed_null'],
    ['POST', '/rest/v1/rpc/bed_many?limit=1'],
  ])('says that the stand-in does not know %s %s', async (method, path) => {
    expect((await gateway.send(method, path)).status).toBe(501);
  });

  it('may write only where the function is volatile', async () => {
    expect(await gateway.call('bed_write_stable')).toMatchObject({ status: 405, body: { code: '25006' } });
    expect(await log()).toEqual([1, 2]);
    expect(await gateway.call('bed_log_one')).toEqual({ status: 200, body: 3 });
    expect(await log()).toEqual([1, 2, 3]);
    await database.sql`delete from public.bed_log where entry = 3`;
  });
});

describe('an update or delete without where is refused and undone', () => {
  it.each([
    ['bed_update_all', 'UPDATE'],
    ['bed_nested', 'UPDATE'],
    ['bed_dynamic', 'DELETE'],
    ['bed_cte', 'DELETE'],
  ])('in %s', async (name, verb) => {
    expect(await gateway.call(name)).toEqual({
      status: 400,
      body: { code: '21000', message: `${verb} requires a WHERE clause`, details: null, hint: null },
    });
    expect(await log()).toEqual([1, 2]);
  });

  it('in a trigger of a table', async () => {
    const answer = await gateway.send('PATCH', '/rest/v1/bed?id=eq.1', { checked: 'empty the log' });
    expect(answer).toMatchObject({ status: 400, body: { code: '21000' } });
    expect(await log()).toEqual([1, 2]);
  });

  it.each(['PATCH', 'DELETE'])('in a %s of a whole table', async (method) => {
    const body = method === 'PATCH' ? { checked: 'all' } : undefined;
    expect(await gateway.send(method, '/rest/v1/bed', body)).toMatchObject({
      status: 400,
      body: { code: '21000' },
    });
    expect(await database.sql`select from public.bed where checked = 'fine'`).toHaveLength(3);
  });

  it('but not where its where is true for every row, and not for the one after it', async () => {
    expect(await gateway.call('bed_guarded')).toEqual({ status: 200, body: 2 });
    for (let time = 0; time < 2 * POOL; time += 1) {
      expect(await gateway.call('bed_log_all')).toEqual({ status: 200, body: 2 });
    }
  });
});

describe('a raised error', () => {
  const STATUSES: [string, number][] = [
    ['P0001', 400],
    ['P0002', 500],
    ['PL001', 400],
    ['PT418', 418],
    ['40001', 500],
    ['23503', 409],
    ['23505', 409],
    ['22023', 400],
    ['57014', 500],
    ['53300', 503],
    ['08006', 503],
    ['42P01', 404],
    ['28000', 403],
    ['21000', 500],
  ];
  const told = { message: 'the message', details: 'the detail', hint: 'the hint' };

  it.each(STATUSES)('%s answers %i, from a function and from a table', async (code, status) => {
    expect(await gateway.call('bed_fail', { p_code: code })).toEqual({ status, body: { code, ...told } });
    const change = { checked: `code ${code}` };
    expect(await gateway.send('PATCH', '/rest/v1/bed?id=eq.1', change)).toEqual({
      status,
      body: { code, ...told },
    });
  });

  it.each([
    ['anon', 401],
    ['authenticated', 403],
  ] as const)('of a missing right answers %s with %i', async (bearer, status) => {
    const answer = { status, body: { code: '42501' } };
    expect(await gateway.call('bed_log_all', {}, as(bearer))).toMatchObject(answer);
    expect(await gateway.send('GET', '/rest/v1/bed_log?select=entry', undefined, as(bearer))).toMatchObject(
      answer,
    );
  });
});

describe('a table', () => {
  it('shows and takes what its policies let the caller have', async () => {
    const row = (id: number, owner: string | null) => ({ id, owner, data: { a: [1] }, list: ['a'] });
    const insert = (id: number, owner: string | null) =>
      gateway.send('POST', '/rest/v1/bed', row(id, owner), user);
    expect(await insert(10, user.id)).toMatchObject({ status: 201 });
    expect(await insert(11, null)).toMatchObject({ status: 403, body: { code: '42501' } });
    const list = (bearer: Bearer) =>
      gateway.send('GET', '/rest/v1/bed?select=id&order=id', undefined, bearer);
    expect(await list(user)).toEqual({ status: 200, body: [{ id: 10 }] });
    expect(await list('anon')).toEqual({ status: 200, body: [] });
    expect((await list('service_role')).body).toHaveLength(4);
    const [kept] = await database.sql`
      select jsonb_typeof(data) as data, jsonb_typeof(list) as list from public.bed where id = 10`;
    expect(kept).toEqual({ data: 'object', list: 'array' });
    const gone = await gateway.send('DELETE', '/rest/v1/bed?id=eq.10', undefined, user);
    expect(gone.status).toBe(204);
    expect((await list('service_role')).body).toHaveLength(3);
  });

  it.each([
    ['object', { a: 'b' }],
    ['array', [1, 'a']],
    ['string', 'a "quoted" text'],
    ['number', 1],
  ])('keeps JSON of type %s as it is sent', async (type, data) => {
    const sent = await gateway.send('PATCH', '/rest/v1/bed?id=eq.2', { data });
    expect(sent.status).toBe(204);
    const [kept] = await database.sql`
      select jsonb_typeof(data) as type, data = ${JSON.stringify(data)}::text::jsonb as same from public.bed where id = 2`;
    expect(kept).toEqual({ type, same: true });
  });

  it('is read in a read-only transaction', async () => {
    expect(await gateway.send('GET', '/rest/v1/bed_writing?select=entry')).toMatchObject({
      status: 405,
      body: { code: '25006' },
    });
    expect(await log()).toEqual([1, 2]);
  });

  it('gets no grant by being asked for', async () => {
    const acl = () => database.sql`
      select relname, relacl::text from pg_class where relnamespace = 'public'::regnamespace
      union all select defaclobjtype::text, defaclacl::text from pg_default_acl order by 1, 2`;
    const before = [...(await acl())];
    for (const bearer of ['anon', 'authenticated', 'service_role'] as const) {
      await gateway.send('GET', '/rest/v1/bed?select=id', undefined, as(bearer));
    }
    expect([...(await acl())]).toEqual(before);
  });

  it('is read for 3 s at most by anon', async () => {
    const answer = await gateway.send('GET', '/rest/v1/bed_slow?select=slept', undefined, 'anon');
    expect(answer).toMatchObject({ status: 500, body: { code: '57014' } });
  });
});

describe('a token', () => {
  const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const sign = (claims: object, { secret = gateway.jwtSecret, alg = 'HS256' } = {}) => {
    const text = `${encoded({ alg })}.${encoded(claims)}`;
    return { token: `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}` };
  };
  const seconds = (offset: number) => Math.floor(Date.now() / 1000) + offset;

  it('of a role that authenticator may take is taken, up to 30 s after its end', async () => {
    const bearer = sign({ role: 'authenticated', exp: seconds(-20) });
    expect(await gateway.call('bed_session', {}, bearer)).toMatchObject({
      status: 200,
      body: { current_user: 'authenticated' },
    });
  });

  it.each<[string, () => Bearer, number, string]>([
    ['that ended', () => sign({ role: 'authenticated', exp: seconds(-40) }), 401, 'PGRST303'],
    ['that is not valid yet', () => sign({ role: 'authenticated', nbf: seconds(40) }), 401, 'PGRST303'],
    ['from the future', () => sign({ role: 'authenticated', iat: seconds(40) }), 401, 'PGRST303'],
    ['with another signature', () => sign({ role: 'service_role' }, { secret: 'x' }), 401, 'PGRST301'],
    ['of another algorithm', () => sign({ role: 'service_role' }, { alg: 'none' }), 401, 'PGRST301'],
    ['in two parts', () => ({ token: 'a.b' }), 401, 'PGRST301'],
    ['of the owner of the database', () => sign({ role: 'postgres' }), 403, '42501'],
    ['of no role that there is', () => sign({ role: 'nobody' }), 401, '22023'],
  ])('%s is refused', async (_what, bearer, status, code) => {
    expect(await gateway.call('bed_session', {}, bearer())).toMatchObject({ status, body: { code } });
  });
});

it('the superuser of a test reaches the same database', async () => {
  const sql = postgres(database.superuserUrl, { max: 1 });
  try {
    const [row] =
      await sql`select current_user::text as name, current_setting('is_superuser') as is_superuser`;
    expect(row).toEqual({ name: 'supabase_admin', is_superuser: 'on' });
  } finally {
    await sql.end();
  }
});
