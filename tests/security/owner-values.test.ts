import { randomUUID } from 'node:crypto';
import type postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createReport, createTestDatabase, type TestDatabase } from '../support/database.ts';
import { asUser } from '../support/locks.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});

const KB = 1024;
const USER_DATA_KB = 300;
const CONTENT_KB = 900;

type Role = 'authenticated' | 'service_role';

/** Runs as an owner or as a server of the platform does behind the REST API. */
async function as<T>(
  role: Role,
  userId: string,
  work: (sql: postgres.TransactionSql) => Promise<T>,
): Promise<T> {
  if (role === 'authenticated') return asUser(database.sql, userId, work);
  const { value } = await database.sql.begin(async (sql) => {
    await sql`select set_config('request.jwt.claims', '{"role": "service_role"}', true), set_config('role', ${role}, true)`;
    return { value: await work(sql) };
  });
  return value;
}

interface Times {
  created_at: Date;
  updated_at: Date;
}
async function timesOf(reportId: string): Promise<Record<keyof Times, Date>> {
  const [row] = await database.sql<Times[]>`
    select created_at, updated_at from public.org_reports where id = ${reportId}`;
  if (row === undefined) throw new Error('no report');
  return row;
}

/** A new report, as REST inserts it. `user_data` is JSON text. Returns its id and its owner's. */
async function insert(
  role: Role,
  { user_data = '{}', ...columns }: Partial<Record<keyof Times | 'user_data' | 'research_report', string>>,
) {
  const { userId } = await createReport(database.sql);
  const id = randomUUID();
  await as(
    role,
    userId,
    (sql) => sql`
      insert into public.org_reports (id, user_id, user_data, research_report, created_at, updated_at)
      values (
        ${id}, ${userId}, ${user_data}::text::jsonb, ${columns.research_report ?? null},
        ${columns.created_at ?? 'now'}::text::timestamptz, ${columns.updated_at ?? 'now'}::text::timestamptz)`,
  );
  return { id, userId };
}

const ODD_TIMES = ['infinity', '-infinity', '2999-01-01T00:00:00Z', '0044-03-15 BC'];
const PAST = '2026-01-02T03:04:05.000Z';

describe('the times of a report', () => {
  const isNow = (time: Date) => Math.abs(time.getTime() - Date.now()) < 60_000;

  it.each([...ODD_TIMES, PAST])('are the server’s where an owner inserts it with %s', async (time) => {
    const { id } = await insert('authenticated', { created_at: time, updated_at: time });
    const { created_at, updated_at } = await timesOf(id);
    expect([isNow(created_at), isNow(updated_at)]).toEqual([true, true]);
  });

  it.each([...ODD_TIMES, PAST])('are the server’s where an owner updates it to %s', async (time) => {
    const { userId, reportId } = await createReport(database.sql);
    const before = await timesOf(reportId);
    await as(
      'authenticated',
      userId,
      (sql) => sql`
        update public.org_reports set created_at = ${time}::text::timestamptz, updated_at = ${time}::text::timestamptz where id = ${reportId}`,
    );
    const { created_at, updated_at } = await timesOf(reportId);
    expect(created_at).toEqual(before.created_at);
    expect(isNow(updated_at)).toBe(true);
  });

  it('may be of the past where a server brings it, in an insert and in an update', async () => {
    const { id } = await insert('service_role', { created_at: PAST, updated_at: PAST });
    expect(await timesOf(id)).toEqual({ created_at: new Date(PAST), updated_at: new Date(PAST) });
    const earlier = '2025-01-02T03:04:05.000Z';
    await as(
      'service_role',
      '',
      (sql) => sql`update public.org_reports set created_at = ${earlier}::text::timestamptz where id = ${id}`,
    );
    expect((await timesOf(id)).created_at).toEqual(new Date(earlier));
  });

  it.each(ODD_TIMES)('are ones that everybody can read where a server writes %s', async (time) => {
    const { id } = await insert('service_role', { created_at: time, updated_at: time });
    await as(
      'service_role',
      '',
      (sql) => sql`update public.org_reports set research_status = 'running' where id = ${id}`,
    );
    const inserted = await timesOf(id);
    await as(
      'service_role',
      '',
      (sql) => sql`update public.org_reports set created_at = ${time}::text::timestamptz where id = ${id}`,
    );
    const updated = await timesOf(id);
    for (const time of [...Object.values(inserted), ...Object.values(updated)]) {
      expect(time.getTime()).toBeGreaterThanOrEqual(0);
      expect(time.getTime()).toBeLessThanOrEqual(Date.now() + 1000);
    }
  });
});

const nested = (levels: number) => `${'{"a":'.repeat(levels - 1)}{}${'}'.repeat(levels - 1)}`;
const wide = (members: number) =>
  JSON.stringify(Object.fromEntries(Array.from({ length: members }, (_, index) => [`member ${index}`, 1])));
/** `{"a": "…"}` as PostgreSQL prints it, of so many bytes. */
const bytes = (size: number) => `{"a": "${'x'.repeat(size - 9)}"}`;

const REFUSED_JSON: [string, string, RegExp][] = [
  ['a list', '[]', /must be a JSON object/],
  ['a text', '"text"', /must be a JSON object/],
  ['null', 'null', /must be a JSON object/],
  ['101 levels', nested(101), /more than 100 levels/],
  ['101 levels of lists', `{"a": ${'['.repeat(100)}${']'.repeat(100)}}`, /more than 100 levels/],
  ['a number of 131,072 digits in 8 characters', '{"a": [1e131071]}', /more than 64 digits/],
  ['the same below zero', '{"a": -1e131071}', /more than 64 digits/],
  ['a fraction of 16,383 digits', '{"a": 1e-16383}', /more than 64 digits/],
];

describe('what an owner may not store as', () => {
  it.each([
    ...REFUSED_JSON,
    ['1 byte too much', bytes(USER_DATA_KB * KB + 1), /301 KB; the limit is 300 KB/],
  ] as const)('user_data of a new report: %s', async (_, value, message) => {
    await expect(insert('authenticated', { user_data: value })).rejects.toMatchObject({
      code: 'PL007',
      message: expect.stringMatching(message) as string,
    });
  });

  it.each([...REFUSED_JSON, ['10 MB', bytes(10 * KB * KB), /larger than the limit of 300 KB/]] as const)(
    'user_data of an old report: %s',
    async (_, value, message) => {
      const { userId, reportId } = await createReport(database.sql);
      await expect(
        as(
          'authenticated',
          userId,
          (sql) =>
            sql`update public.org_reports set user_data = ${value}::text::jsonb where id = ${reportId}`,
        ),
      ).rejects.toMatchObject({ code: 'PL007', message: expect.stringMatching(message) as string });
    },
  );

  it.each([...REFUSED_JSON, ['1 byte too much', bytes(CONTENT_KB * KB + 1), /the limit is 900 KB/]] as const)(
    'research_metadata: %s',
    async (_, value, message) => {
      const { userId, reportId } = await createReport(database.sql);
      await expect(
        as(
          'authenticated',
          userId,
          (sql) =>
            sql`update public.org_reports set research_metadata = ${value}::text::jsonb where id = ${reportId}`,
        ),
      ).rejects.toMatchObject({ code: 'PL007', message: expect.stringMatching(message) as string });
    },
  );

  it('research_report: more than 900 KB as JSON, alone or with its metadata', async () => {
    const refusal = {
      code: 'PL007',
      message: expect.stringMatching(/research_report with its metadata is 901 KB as JSON/) as string,
    };
    const text = 'x'.repeat(CONTENT_KB * KB - 1);
    await expect(insert('authenticated', { research_report: text })).rejects.toMatchObject(refusal);
    const { userId, reportId } = await createReport(database.sql);
    const write = (report: string, metadata: string) =>
      as(
        'authenticated',
        userId,
        (sql) => sql`
          update public.org_reports set research_report = ${report}, research_metadata = ${metadata}::text::jsonb
          where id = ${reportId}`,
      );
    await expect(write(text, '{}')).rejects.toMatchObject(refusal);
    await expect(write('x'.repeat(400 * KB), bytes(500 * KB))).rejects.toMatchObject(refusal);
    // A quotation mark has two bytes in JSON.
    await expect(write('"'.repeat(450 * KB), '{}')).rejects.toMatchObject(refusal);
  });
});

describe('what an owner may store', () => {
  it('is all up to the limits', async () => {
    const { id, userId } = await insert('authenticated', { user_data: bytes(USER_DATA_KB * KB) });
    const write = (column: string, value: string) =>
      as(
        'authenticated',
        userId,
        (sql) => sql`update public.org_reports set ${sql(column)} = ${value}::text::jsonb where id = ${id}`,
      );
    for (const value of [nested(100), wide(10_000), '{"a": [9e63, -9e63, 1e-64, 0]}']) {
      await write('user_data', value);
      await write('research_metadata', value);
    }
    await write('research_metadata', '{}');
    await as(
      'authenticated',
      userId,
      (sql) => sql`
        update public.org_reports set research_report = ${'x'.repeat(CONTENT_KB * KB - 4)} where id = ${id}`,
    );
  });

  it('is in a report with what was there before or came from a server, which is not checked', async () => {
    const { userId, reportId } = await createReport(database.sql, { userData: ['a', 'list'] });
    await as(
      'service_role',
      '',
      (sql) =>
        sql`update public.org_reports set user_data = ${bytes(400 * KB)}::text::jsonb where id = ${reportId}`,
    );
    const write = () =>
      as(
        'authenticated',
        userId,
        (sql) =>
          sql`update public.org_reports set research_report = 'mine' where id = ${reportId} returning id`,
      );
    expect(await write()).toHaveLength(1);
    await insert('service_role', { user_data: '[]' });
  });
});
