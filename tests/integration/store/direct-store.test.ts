import { randomUUID } from 'node:crypto';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createDirectStore, PoolUnusable, type DirectStore } from '../../../src/server/store/direct-store.ts';
import { MAX_CONNECTIONS } from '../../../src/server/store/pool.ts';
import { DatabaseUnavailable, SchemaMismatch } from '../../../src/server/store/store.ts';
import { asRole } from '../../../tools/local/hosted-roles.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';
import { describeStore, type SuiteFunctions } from './conformance.ts';

const monotonicNow = () => performance.now();
const through = (url: string, port: number) => Object.assign(new URL(url), { port: String(port) }).href;

describeStore('the store over a pool', async ({ storeUrl, through: proxied, timeoutMs }) => {
  const port = await proxied(Number(new URL(storeUrl).port));
  const store = createDirectStore<SuiteFunctions>({ url: through(storeUrl, port), monotonicNow, timeoutMs });
  return { store, stop: () => store.close() };
});

type OwnFunctions = {
  direct_sleep: { Args: { p_seconds: number } };
  direct_session: { Args: Record<PropertyKey, never> };
  direct_add: { Args: { p_value: number } };
  direct_changed: { Args: { p_value: string; p_new?: number } };
  direct_hidden: { Args: Record<PropertyKey, never> };
};

const FUNCTIONS = `
  create function public.direct_sleep(p_seconds double precision) returns void language sql as
    $$ select pg_sleep(p_seconds) $$;
  -- Without settings of its own, which would show here.
  create function public.direct_session() returns jsonb language sql as $$
    select jsonb_build_object(
      'prepared', (select count(*) from pg_catalog.pg_prepared_statements where name <> ''),
      'locks', (select count(*) from pg_catalog.pg_locks where locktype = 'advisory' and pid = pg_backend_pid()),
      'set', (select coalesce(jsonb_agg(name), '[]') from pg_catalog.pg_settings where source = 'session'),
      'transaction', pg_catalog.now() = pg_catalog.statement_timestamp()) $$;
  create table public.direct_numbers (value integer);
  create function public.direct_add(p_value integer) returns void language sql security definer set search_path = '' as
    $$ insert into public.direct_numbers values (p_value) $$;
  create function public.direct_changed(p_value text) returns text language sql as $$ select p_value $$;
  create function public.direct_hidden() returns text language sql as $$ select 'hidden'::text $$;
`;

describe('the store over a pool', () => {
  let database: TestDatabase;
  let proxy: TcpProxy;
  let store: DirectStore<OwnFunctions>;
  const grant = async () => {
    for (const name of ['sleep', 'session', 'add', 'changed']) {
      await database.sql.unsafe(`revoke all on function public.direct_${name} from public`);
      await database.sql.unsafe(`grant execute on function public.direct_${name} to polaris_store`);
    }
  };

  beforeAll(async () => {
    database = await createTestDatabase();
    await database.sql.unsafe(FUNCTIONS);
    await grant();
    await database.sql`revoke all on function public.direct_hidden from public`;
    proxy = await startTcpProxy(Number(new URL(database.storeUrl).port));
    store = createDirectStore<OwnFunctions>({ url: through(database.storeUrl, proxy.port), monotonicNow });
  });
  afterAll(async () => {
    await store.close();
    await proxy.stop();
    await database.sql`drop table public.direct_numbers`;
    await database.sql.unsafe(
      'drop function public.direct_sleep, public.direct_session, public.direct_add, public.direct_changed, public.direct_hidden',
    );
    await database.drop();
  });

  const sessions = async () => {
    const rows = await database.sql`
      select from pg_stat_activity where usename = 'polaris_store' and datname = current_database()`;
    return rows.length;
  };
  const add = (value: number) => store.rpc('direct_add', { p_value: value }, z.null());
  const added = async () => {
    const rows = await database.sql<
      { value: number }[]
    >`select value from public.direct_numbers order by value`;
    return rows.map(({ value }) => value);
  };

  it('answers 50 calls at once over at most 4 connections', async () => {
    let most = 0;
    const done = new AbortController();
    const watching = (async () => {
      while (!done.signal.aborted) most = Math.max(most, await sessions());
    })();
    const calls = Array.from({ length: 50 }, () => store.rpc('direct_sleep', { p_seconds: 0.02 }, z.null()));
    await Promise.all(calls);
    done.abort();
    await watching;
    expect(most).toBe(MAX_CONNECTIONS);
  });

  it('says within seconds that none of its connections becomes free', async () => {
    const holding = Array.from({ length: MAX_CONNECTIONS }, () =>
      store.rpc('direct_sleep', { p_seconds: 4 }, z.null()),
    );
    await expect.poll(sessions).toBe(MAX_CONNECTIONS);
    const started = performance.now();
    await expect(add(0)).rejects.toMatchObject({
      name: 'PoolUnusable',
      reason: 'unreachable',
      retryable: true,
    });
    expect(performance.now() - started).toBeLessThan(3500);
    await Promise.all(holding);
  });

  it('leaves nothing in its sessions, as a pooler in transaction mode needs', async () => {
    const seen = z.object({
      prepared: z.int(),
      locks: z.int(),
      set: z.array(z.string()),
      transaction: z.boolean(),
    });
    // Each of them may come by another connection, after any other call.
    const all = await Promise.all(
      Array.from({ length: 20 }, async (_, value) => {
        if (value % 2 === 0) await add(-1);
        return store.rpc('direct_session', {}, seen);
      }),
    );
    for (const one of all) expect(one).toEqual({ prepared: 0, locks: 0, set: [], transaction: true });
    await database.sql`delete from public.direct_numbers where value = -1`;
    const [row] = await database.sql<{ states: string[] }[]>`
      select array_agg(distinct state) as states from pg_stat_activity
      where usename = 'polaris_store' and datname = current_database()`;
    expect(row?.states).toEqual(['idle']);
  });

  it('a call that runs too long is ended by the database, before its caller gives it up', async () => {
    const started = performance.now();
    const error: unknown = await store
      .rpc('direct_sleep', { p_seconds: 20 }, z.null())
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(DatabaseUnavailable);
    expect(error).toMatchObject({ cause: { code: '57014' } });
    expect(performance.now() - started).toBeGreaterThan(6500);
  });

  it('calls succeed where every idle connection has died since', async () => {
    const values = Array.from({ length: 10 }, (_, index) => index);
    await Promise.all(values.map(() => store.rpc('direct_sleep', { p_seconds: 0.01 }, z.null())));
    const before = proxy.connections();
    proxy.set({ kind: 'old-die' });
    await Promise.all(values.map(add));
    proxy.set({ kind: 'whole' });
    expect(await added()).toEqual(values);
    // Each began on a dead connection: otherwise this would prove nothing.
    expect(proxy.connections() - before).toBeGreaterThanOrEqual(MAX_CONNECTIONS);
  });

  it('calls succeed where the server has ended every idle connection', async () => {
    await add(100);
    await database.sql`select pg_terminate_backend(pid) from pg_stat_activity where usename = 'polaris_store'
      and datname = current_database()`;
    await add(101);
    expect(await added()).toEqual(expect.arrayContaining([100, 101]));
  });

  it('reads a function again whose parameters a migration has changed', async () => {
    const changed = (given: { p_value: string; p_new?: number }) =>
      store.rpc('direct_changed', given, z.string());
    expect(await changed({ p_value: 'a' })).toBe('a');
    await database.sql`drop function public.direct_changed`;
    await expect(changed({ p_value: 'a' })).rejects.toThrow(SchemaMismatch);
    await database.sql.unsafe(
      `create function public.direct_changed(p_value text, p_new integer default 0) returns text language sql as
        $$ select p_value || p_new $$`,
    );
    await grant();
    await expect
      .poll(() => changed({ p_value: 'a', p_new: 7 }).catch(() => ''), { timeout: 5000 })
      .toBe('a7');
  });

  it('says which function its role may not execute, without calling it', async () => {
    const error: unknown = await store.rpc('direct_hidden', {}, z.string()).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(PoolUnusable);
    expect(error).toMatchObject({ reason: 'not granted', cause: { code: '42501' } });
  });

  it('says who it is, and by which road', async () => {
    expect(await store.ask()).toEqual({ role: 'polaris_store', statement_timeout: '7s', road: 'direct' });
  });

  it.each(['postgres', 'supabase_admin'] as const)(
    'refuses to work as %s, who may do everything',
    async (role) => {
      const owner = createDirectStore<OwnFunctions>({ url: asRole(database.url, role), monotonicNow });
      try {
        const call = owner.rpc('direct_add', { p_value: 666 }, z.null());
        await expect(call).rejects.toMatchObject({ name: 'PoolUnusable', reason: 'refused' });
        expect(await added()).not.toContain(666);
      } finally {
        await owner.close();
      }
    },
  );

  it.each(['bypassrls', 'createrole', 'createdb', 'replication', 'in role service_role'])(
    'refuses to work as a role that is more than polaris_store: %s',
    async (attribute) => {
      const name = `direct_${randomUUID().slice(0, 8)}`;
      const url = Object.assign(new URL(database.storeUrl), { username: name, password: 'word' });
      const admin = postgres(asRole(database.url, 'supabase_admin'), { max: 1 });
      const other = createDirectStore<OwnFunctions>({ url: url.href, monotonicNow });
      try {
        await admin.unsafe(`create role ${name} login password 'word' ${attribute}`);
        const call = other.rpc('direct_add', { p_value: 666 }, z.null());
        await expect(call).rejects.toMatchObject({ name: 'PoolUnusable', reason: 'refused' });
      } finally {
        await other.close();
        await admin.unsafe(`drop role ${name}`);
        await admin.end();
      }
    },
  );

  it('tells a pool that does not answer from a statement that takes long', async () => {
    const before = await startTcpProxy(Number(new URL(database.storeUrl).port));
    const other = createDirectStore<OwnFunctions>({
      url: through(database.storeUrl, before.port),
      monotonicNow,
      connectTimeoutMs: 1000,
    });
    const call = () => other.rpc('direct_session', {}, z.unknown());
    try {
      await call();
      before.set({ kind: 'silent' });
      const started = performance.now();
      // While connecting, there is time left for REST.
      await expect(other.ask()).rejects.toMatchObject({ name: 'PoolUnusable', reason: 'unreachable' });
      expect(performance.now() - started).toBeLessThan(4000);
      before.set({ kind: 'whole' });
      await call();
      before.set({ kind: 'silent' });
      // It may have been carried out, and its time is over.
      await expect(call()).rejects.toMatchObject({ name: 'PoolUnusable', reason: 'silent' });
    } finally {
      await other.close();
      await before.stop();
    }
  });

  it.each<[string, PoolUnusable['reason'], (url: URL) => void, RegExp]>([
    ['nobody listens', 'unreachable', (url) => (url.port = '9'), /ECONNREFUSED/],
    [
      'the host has no address',
      'unreachable',
      (url) => (url.hostname = 'nowhere.invalid'),
      /ENOTFOUND|EAI_AGAIN/,
    ],
    ['the password is wrong', 'refused', (url) => (url.password = 'wrong'), /password authentication failed/],
    ['the database is missing', 'refused', (url) => (url.pathname = '/nowhere'), /does not exist/],
    [
      'the server has no TLS',
      'unreachable',
      (url) => url.searchParams.set('sslmode', 'require'),
      /does not support SSL/,
    ],
  ])('is unusable, and says so soon, where %s', async (_name, reason, change, message) => {
    const url = new URL(database.storeUrl);
    change(url);
    const other = createDirectStore<OwnFunctions>({ url: url.href, monotonicNow });
    try {
      const started = performance.now();
      const error: unknown = await other.rpc('direct_add', { p_value: 1 }, z.null()).catch((e: unknown) => e);
      expect(error).toMatchObject({ name: 'PoolUnusable', reason });
      expect(String(error)).toMatch(message);
      expect(String(error)).not.toContain(decodeURIComponent(new URL(database.url).password));
      expect(performance.now() - started).toBeLessThan(6000);
    } finally {
      await other.close();
    }
  });
});
