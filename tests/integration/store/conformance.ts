import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Json } from '../../../src/contracts/database.types.ts';
import {
  DatabaseUnavailable,
  RateLimited,
  SchemaMismatch,
  type Store,
} from '../../../src/server/store/store.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';

type NoParameters = Record<PropertyKey, never>;

/** The SQL functions below, as the generated types would describe them. */
export type SuiteFunctions = {
  suite_jsonb: { Args: { p_value?: Json } };
  suite_text: { Args: { p_value: string } };
  suite_numbers: { Args: { p_integer: number; p_bigint: number; p_double: number; p_numeric: number } };
  suite_default: { Args: { p_value: string; p_suffix?: string } };
  suite_bigint: { Args: { p_value: string } };
  suite_arrays: { Args: { p_bigints: number[]; p_texts: string[] } };
  suite_sleep: { Args: { p_seconds: number } };
  suite_time: { Args: NoParameters };
  suite_rows: { Args: { p_count: number } };
  suite_set: { Args: { p_count: number } };
  suite_void: { Args: NoParameters };
  suite_null: { Args: NoParameters };
  suite_wide: { Args: { p_characters: number } };
  suite_raise: { Args: { p_code: string } };
  suite_limited: { Args: { p_detail: string } };
  suite_divide: { Args: NoParameters };
  suite_unknown: { Args: NoParameters };
};

const FUNCTIONS = `
  create function public.suite_jsonb(p_value jsonb default null) returns jsonb language sql as
    $$ select jsonb_build_object('kind', jsonb_typeof(p_value), 'text', p_value::text, 'value', p_value) $$;
  create function public.suite_text(p_value text) returns text language sql as $$ select p_value $$;
  create function public.suite_numbers(p_integer integer, p_bigint bigint, p_double double precision, p_numeric numeric)
    returns text[] language sql as
    $$ select array[p_integer::text, p_bigint::text, p_double::text, p_numeric::text] $$;
  create function public.suite_default(p_value text, p_suffix text default ' by default') returns text language sql as
    $$ select p_value || coalesce(p_suffix, ' by null') $$;
  create function public.suite_bigint(p_value text) returns bigint language sql as $$ select p_value::bigint $$;
  create function public.suite_arrays(p_bigints bigint[], p_texts text[]) returns jsonb language sql as
    $$ select jsonb_build_object('sum', (select sum(n) from unnest(p_bigints) n), 'texts', p_texts) $$;
  create function public.suite_sleep(p_seconds double precision) returns void language sql as
    $$ select pg_sleep(p_seconds) $$;
  create function public.suite_time() returns timestamptz language sql as
    $$ select timestamptz '2026-11-25 04:05:06.070809+02' $$;
  create function public.suite_rows(p_count integer) returns table (id bigint, at timestamptz, content jsonb)
    language sql as
    $$ select n, timestamptz '2026-11-25 04:05:06.070809+02', jsonb_build_object('n', n) from generate_series(1, p_count) n $$;
  create function public.suite_set(p_count integer) returns setof text language sql as
    $$ select 'row ' || n from generate_series(1, p_count) n $$;
  create function public.suite_void() returns void language sql as $$ select $$;
  create function public.suite_null() returns text language sql as $$ select null::text $$;
  create function public.suite_wide(p_characters integer) returns text language sql as
    $$ select repeat('x', p_characters) $$;
  create function public.suite_raise(p_code text) returns text language plpgsql as
    $$ begin raise exception 'raised by the suite' using errcode = p_code, detail = 'a detail', hint = 'a hint'; end $$;
  create function public.suite_limited(p_detail text) returns text language plpgsql as
    $$ begin raise exception 'too many' using errcode = 'PT429', detail = p_detail; end $$;
  create function public.suite_divide() returns integer language sql as $$ select 1 / (random() * 0)::integer $$;
`;

interface SubjectOptions {
  databaseUrl: string;
  /** The same database as the role of the direct store. */
  storeUrl: string;
  /** Puts the suite's proxy before a server on 127.0.0.1 that the store is to connect to. */
  through: (port: number) => Promise<number>;
  /** How long one call may take, in milliseconds. */
  timeoutMs: number;
}

interface Subject {
  store: Store<SuiteFunctions>;
  stop(): Promise<void>;
}

/** Long for a call of this suite, short for a test of what takes longer. */
const TIMEOUT_MS = 3000;
const KILOBYTE = 1024;

/** What the server relies on, whatever connects it to the database. */
export function describeStore(name: string, open: (options: SubjectOptions) => Promise<Subject>): void {
  describe(name, () => {
    let database: TestDatabase;
    let subject: Subject;
    let proxy: TcpProxy;
    let store: Store<SuiteFunctions>;

    beforeAll(async () => {
      database = await createTestDatabase();
      await database.sql.unsafe(FUNCTIONS);
      subject = await open({
        databaseUrl: database.url,
        storeUrl: database.storeUrl,
        timeoutMs: TIMEOUT_MS,
        async through(port) {
          proxy = await startTcpProxy(port);
          return proxy.port;
        },
      });
      store = subject.store;
      // After the local API has started, which sets the rights of all functions.
      for (const { signature } of await suiteFunctions()) {
        await database.sql.unsafe(`revoke all on function ${signature} from public, anon, authenticated`);
        await database.sql.unsafe(`grant execute on function ${signature} to service_role, polaris_store`);
      }
    });
    afterEach(() => proxy.set({ kind: 'whole' }));
    afterAll(async () => {
      await subject.stop();
      await proxy.stop();
      for (const { signature } of await suiteFunctions()) {
        await database.sql.unsafe(`drop function ${signature}`);
      }
      await database.drop();
    });

    const suiteFunctions = () => database.sql<{ signature: string }[]>`
      select oid::regprocedure::text as signature from pg_proc
      where pronamespace = 'public'::regnamespace and proname like 'suite\\_%'`;

    const echo = (text: string) => store.rpc('suite_text', { p_value: text }, z.string());

    async function failureOf(call: Promise<unknown>): Promise<DatabaseUnavailable> {
      const error: unknown = await call.then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(error).toBeInstanceOf(DatabaseUnavailable);
      // Safe: the line above fails for anything else.
      return error as DatabaseUnavailable;
    }

    describe('takes parameters', () => {
      const jsonbSeen = z.object({
        kind: z.string().nullable(),
        text: z.string().nullable(),
        value: z.unknown(),
      });

      it.each<[string, Json, string]>([
        ['object', { a: { b: [1, null, 'x'] }, 'c"d': true }, '{"a": {"b": [1, null, "x"]}, "c\\"d": true}'],
        ['object', {}, '{}'],
        ['array', [1, 'two', [3], { four: 4 }, null], '[1, "two", [3], {"four": 4}, null]'],
        ['array', [], '[]'],
        ['string', 'text', '"text"'],
        ['string', '{"a": 1}', '"{\\"a\\": 1}"'],
        ['string', '[1]', '"[1]"'],
        ['string', '"quoted"', '"\\"quoted\\""'],
        ['string', '', '""'],
        ['number', 5, '5'],
        ['number', -0.25, '-0.25'],
        ['boolean', true, 'true'],
        ['boolean', false, 'false'],
      ])('jsonb: %s %j', async (kind, value, text) => {
        expect(await store.rpc('suite_jsonb', { p_value: value }, jsonbSeen)).toEqual({ kind, text, value });
      });

      it('jsonb: a null and a parameter that is left out are the null of SQL', async () => {
        const absent = { kind: null, text: null, value: null };
        expect(await store.rpc('suite_jsonb', { p_value: null }, jsonbSeen)).toEqual(absent);
        expect(await store.rpc('suite_jsonb', {}, jsonbSeen)).toEqual(absent);
      });

      it('jsonb: a null inside is the null of JSON', async () => {
        const seen = await store.rpc('suite_jsonb', { p_value: [null] }, jsonbSeen);
        expect(seen).toEqual({ kind: 'array', text: '[null]', value: [null] });
      });

      it.each<[string, string]>([
        ['empty', ''],
        ['quotes and backslashes', `a"b'c\\d\\"e\\\\f $1 %s {} ''`],
        ['line ends and tabs', 'a\nb\r\nc\td\u2028e\u2029f\u0001g\u007f'],
        ['beyond the basic plane', '😀 𝔘 é e\u0301 報告 \ufeff'],
        ['a number with many digits', '-123456789012345678901234567890.1234567890123456789000'],
        ['JSON, whose spelling stays', '{ "a" : 1.00, "a" : 1e5, "\\u0041" : -0 }'],
        ['the word null', 'null'],
        ['an array of PostgreSQL', '{a,b}'],
      ])('text: %s', async (_name, text) => {
        expect(await echo(text)).toBe(text);
      });

      it('numbers: of each type', async () => {
        const numbers = { p_integer: -7, p_bigint: Number.MAX_SAFE_INTEGER, p_double: 0.1, p_numeric: 1e21 };
        const texts = ['-7', '9007199254740991', '0.1', '1000000000000000000000'];
        expect(await store.rpc('suite_numbers', numbers, z.array(z.string()))).toEqual(texts);
      });

      it('arrays, of numbers and of texts', async () => {
        const seen = z.object({ sum: z.int().nullable(), texts: z.array(z.string().nullable()) });
        const texts = ['a', '', 'null', 'NULL', 'b,c', '{d}', 'e"\\f', ' g ', '報\n'];
        const given = { p_bigints: [1, 2, 4_294_967_296], p_texts: texts };
        expect(await store.rpc('suite_arrays', given, seen)).toEqual({ sum: 4_294_967_299, texts });
        const none = { p_bigints: [], p_texts: [] };
        expect(await store.rpc('suite_arrays', none, seen)).toEqual({ sum: null, texts: [] });
      });

      it('left out or undefined: the default of SQL', async () => {
        const left = await store.rpc('suite_default', { p_value: 'a' }, z.string());
        expect(left).toBe('a by default');
        const undefinedOne = { p_value: 'a', p_suffix: undefined };
        expect(await store.rpc('suite_default', undefinedOne, z.string())).toBe('a by default');
        expect(await store.rpc('suite_default', { p_value: 'a', p_suffix: '!' }, z.string())).toBe('a!');
      });

      it('of 900 KB, as text and as jsonb, and answers with as much', async () => {
        const text = 'é"\\\n'.repeat((900 * KILOBYTE) / 5);
        expect(Buffer.byteLength(text)).toBe(900 * KILOBYTE);
        // Not `toBe`: a difference would print both.
        expect((await echo(text)) === text).toBe(true);
        const { kind, value } = await store.rpc('suite_jsonb', { p_value: { text } }, jsonbSeen);
        expect(kind).toBe('object');
        expect(JSON.stringify(value) === JSON.stringify({ text })).toBe(true);
      });
    });

    describe('gives answers', () => {
      const isoTime = z.iso.datetime({ offset: true });
      const sameTime = (time: string) => {
        expect(time).toMatch(/:06\.070809(?:Z|[+-]\d\d:\d\d)$/);
        expect(Date.parse(time)).toBe(Date.parse('2026-11-25T02:05:06.070Z'));
      };

      it.each(['0', '-1', '4294967296', '9007199254740991', '-9007199254740991'])(
        'bigint %s, as a number',
        async (digits) => {
          expect(await store.rpc('suite_bigint', { p_value: digits }, z.int())).toBe(Number(digits));
        },
      );

      it('no bigint that a number cannot hold: it is refused, not rounded', async () => {
        await failureOf(store.rpc('suite_bigint', { p_value: '9007199254740993' }, z.int()));
      });

      it('a time, as ISO 8601 with its offset, to the microsecond', async () => {
        sameTime(await store.rpc('suite_time', {}, isoTime));
      });

      it('a table, as objects', async () => {
        const row = z.object({ id: z.int(), at: isoTime, content: z.object({ n: z.int() }) });
        const rows = await store.rpc('suite_rows', { p_count: 2 }, z.array(row));
        expect(rows).toMatchObject([
          { id: 1, content: { n: 1 } },
          { id: 2, content: { n: 2 } },
        ]);
        for (const { at } of rows) sameTime(at);
      });

      it('a set, as an array, be it of no row, one or many', async () => {
        const set = (count: number) => store.rpc('suite_set', { p_count: count }, z.array(z.string()));
        expect(await set(0)).toEqual([]);
        expect(await set(1)).toEqual(['row 1']);
        expect(await set(500)).toHaveLength(500);
      });

      it('null, for null and for void', async () => {
        expect(await store.rpc('suite_null', {}, z.string().nullable())).toBeNull();
        expect(await store.rpc('suite_void', {}, z.null())).toBeNull();
      });

      it('to each of many calls at once its own', async () => {
        const texts = Array.from({ length: 50 }, (_, index) => `call ${index}`);
        expect(await Promise.all(texts.map(echo))).toEqual(texts);
      });

      it('parsed: what the schema makes of them', async () => {
        const shout = z.string().transform((text) => text.toUpperCase());
        expect(await store.rpc('suite_text', { p_value: 'a' }, shout)).toBe('A');
      });
    });

    describe('fails', () => {
      // Casts hide from the compiler what a deployment of another version calls.
      it.each<[string, () => Promise<unknown>]>([
        ['a function that the database lacks', () => store.rpc('suite_unknown', {}, z.unknown())],
        [
          'a parameter that the function lacks',
          () =>
            store.rpc('suite_default', { p_value: 'a', p_prefix: 'b' } as { p_value: string }, z.unknown()),
        ],
        [
          'a parameter that is missing',
          () => store.rpc('suite_text', {} as { p_value: string }, z.unknown()),
        ],
      ])('as a schema of another version, for %s', async (_name, call) => {
        const error = await failureOf(call());
        expect(error).toBeInstanceOf(SchemaMismatch);
        expect(error.message).toMatch(/^the versions of the schema and the functions differ: /);
        expect(error.retryable).toBe(true);
      });

      it.each<[string, string, () => Promise<unknown>]>([
        ['an error of our own', 'PW042', () => store.rpc('suite_raise', { p_code: 'PW042' }, z.unknown())],
        ['a missing right', '42501', () => store.rpc('suite_raise', { p_code: '42501' }, z.unknown())],
        ['a violated key', '23505', () => store.rpc('suite_raise', { p_code: '23505' }, z.unknown())],
        ['a deadlock', '40P01', () => store.rpc('suite_raise', { p_code: '40P01' }, z.unknown())],
        ['a malformed value', '22P02', () => store.rpc('suite_bigint', { p_value: 'x' }, z.unknown())],
        ['an error of arithmetic', '22012', () => store.rpc('suite_divide', {}, z.unknown())],
        ['U+0000 in a text', '22', () => echo('a\u0000b')],
        ['U+0000 in jsonb', '22', () => store.rpc('suite_jsonb', { p_value: ['\u0000'] }, z.unknown())],
        ['a statement time-out', '57014', () => store.rpc('suite_raise', { p_code: '57014' }, z.unknown())],
      ])('with the SQLSTATE in its cause, for %s', async (_name, code, call) => {
        const error = await failureOf(call());
        expect(error).not.toBeInstanceOf(SchemaMismatch);
        expect(error.cause).toMatchObject({ code: expect.stringMatching(`^${code}`) as string });
        expect(error.retryable).toBe(true);
      });

      it('as RateLimited where a rate was used up meanwhile, if it says how', async () => {
        const refusal = {
          outcome: 'rate_limited',
          policy: 'sender',
          quota: 8,
          window_seconds: 60,
          retry_after_seconds: 3,
        };
        const limited = (detail: string) => store.rpc('suite_limited', { p_detail: detail }, z.unknown());
        const error: unknown = await limited(JSON.stringify(refusal)).catch((thrown: unknown) => thrown);
        expect(error).toBeInstanceOf(RateLimited);
        expect(error).toMatchObject({ refusal });
        for (const detail of ['no JSON', '{"outcome": "rate_limited"}']) await failureOf(limited(detail));
      });

      it.each<[string, () => Promise<unknown>]>([
        ['another type', () => store.rpc('suite_text', { p_value: '5' }, z.number())],
        ['null', () => store.rpc('suite_null', {}, z.string())],
        [
          'an object without its members',
          () => store.rpc('suite_jsonb', {}, z.object({ outcome: z.string() })),
        ],
        ['a value for void', () => store.rpc('suite_text', { p_value: 'a' }, z.null())],
      ])('for an answer that its schema rejects: %s', async (_name, call) => {
        const error = await failureOf(call());
        expect(error).not.toBeInstanceOf(SchemaMismatch);
        expect(error.cause).toBeInstanceOf(z.ZodError);
      });

      it('when the connection is reset, and works again after', async () => {
        await echo('before');
        proxy.set({ kind: 'reset' });
        await failureOf(echo('lost'));
        proxy.set({ kind: 'whole' });
        await works();
      });

      it.each([1, 100 * KILOBYTE])(
        'when the connection is cut after %i bytes of the answer',
        async (afterBytes) => {
          const wide = () => store.rpc('suite_wide', { p_characters: 300 * KILOBYTE }, z.string());
          expect(await wide()).toHaveLength(300 * KILOBYTE);
          proxy.set({ kind: 'cut', afterBytes });
          await failureOf(wide());
          proxy.set({ kind: 'whole' });
          await works();
        },
      );

      it('when nothing is answered in its time, and works again after', async () => {
        proxy.set({ kind: 'silent' });
        const started = performance.now();
        await failureOf(echo('unheard'));
        const elapsedMs = performance.now() - started;
        // Timers may come a little early by this clock.
        expect(elapsedMs).toBeGreaterThan(TIMEOUT_MS - 50);
        expect(elapsedMs).toBeLessThan(TIMEOUT_MS + 2000);
        proxy.set({ kind: 'whole' });
        await works();
      });

      it('when what comes back is garbage, and works again after', async () => {
        await echo('before');
        proxy.set({ kind: 'garbage' });
        await failureOf(echo('unheard'));
        proxy.set({ kind: 'whole' });
        await works();
      });

      it('when the database works for longer than its time, and calls after it are answered', async () => {
        const started = performance.now();
        await failureOf(store.rpc('suite_sleep', { p_seconds: 5 }, z.null()));
        expect(performance.now() - started).toBeLessThan(TIMEOUT_MS + 2000);
        // Not the answer of the call that was given up.
        for (const text of ['a', 'b', 'c', 'd', 'e', 'f']) expect(await echo(text)).toBe(text);
        const isAsleep = async () => {
          const rows = await database.sql`
            select from pg_stat_activity
            where datname = current_database() and wait_event = 'PgSleep' and pid <> pg_backend_pid()`;
          return rows.length > 0;
        };
        await expect.poll(isAsleep, { timeout: 10_000 }).toBe(false);
      });

      it('while the database takes no connections, and works again after', async () => {
        await echo('before');
        const name = new URL(database.url).pathname.slice(1);
        const admin = postgres(Object.assign(new URL(database.url), { pathname: '/template1' }).href, {
          max: 1,
          onnotice: () => undefined,
        });
        try {
          await admin.unsafe(`alter database ${name} allow_connections false`);
          await admin`select pg_terminate_backend(pid) from pg_stat_activity where datname = ${name}`;
          await failureOf(echo('lost'));
          await failureOf(echo('lost'));
        } finally {
          await admin.unsafe(`alter database ${name} allow_connections true`);
          await admin.end();
        }
        await works();
      });

      /** A pool may need a moment to connect again. */
      const works = () =>
        expect.poll(() => echo('again').catch(() => undefined), { timeout: 10_000 }).toBe('again');
    });
  });
}
