import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readCalledObjects, type CalledObjects } from '../../../tools/db/calls/called-objects.ts';
import { lintCalls, PLATFORM_CALLS, readCalls, writeCalls } from '../../../tools/db/calls/calls.ts';
import { callsOfCode } from '../../../tools/db/calls/calls-of-code.ts';
import { compareCalls } from '../../../tools/db/calls/compare-calls.ts';
import { callsOfProject, describeCalls } from '../../../tools/db/calls/released-calls.ts';
import { checkDatabase } from '../../../tools/db/check.ts';
import { formatFinding } from '../../../tools/db/finding.ts';
import { projectRoot } from '../../../tools/local/paths.ts';
import { createTestDatabase } from '../../support/database.ts';
import { createEmptyDatabase, type EmptyDatabase } from '../../support/throwaway-database.ts';

const RELEASED = `
  create function public.finish(p_id text, p_count int, p_note text default '') returns jsonb
    language sql as 'select ''{}''::jsonb';
  revoke all on function public.finish(text, int, text) from public, anon, authenticated;
  create table public.things (id bigint generated always as identity primary key, title text not null, size int);
  revoke all on table public.things from anon, service_role;
`;
const REPLACE = 'drop function public.finish(text, int, text); create function public.finish';
const BODY = `language sql as 'select ''{}''::jsonb'`;

/** What a later migration does, and what is said of it. */
const BREAKS: [string, string, string[]][] = [
  [
    'drops the function',
    'drop function public.finish(text, int, text)',
    ['it is gone: keep it one version longer'],
  ],
  [
    'takes a parameter away',
    `${REPLACE}(p_id text, p_count int) returns jsonb ${BODY}`,
    ['its parameter p_note is gone: keep it one version longer, and write a function of another name'],
  ],
  [
    'renames a parameter',
    `${REPLACE}(p_key text, p_count int, p_note text default '') returns jsonb ${BODY}`,
    ['its parameter p_id is gone', 'its new parameter p_key has no default: give the parameter a default'],
  ],
  [
    'changes the type of a parameter',
    `${REPLACE}(p_id text, p_count bigint, p_note text default '') returns jsonb ${BODY}`,
    ['its parameter p_count is bigint instead of integer'],
  ],
  [
    'takes a default away',
    `${REPLACE}(p_id text, p_count int, p_note text) returns jsonb ${BODY}`,
    ['its parameter p_note has lost its default: give the parameter a default'],
  ],
  [
    'adds a parameter without a default',
    `${REPLACE}(p_id text, p_count int, p_new text, p_note text default '') returns jsonb ${BODY}`,
    ['its new parameter p_new has no default: give the parameter a default'],
  ],
  [
    'returns something else',
    `${REPLACE}(p_id text, p_count int, p_note text default '') returns text language sql as 'select ''x'''`,
    ['it returns text instead of jsonb'],
  ],
  [
    'adds a second function of the name',
    `create function public.finish(p_id text) returns jsonb ${BODY}`,
    ['there is another of its name: give the new one a name of its own'],
  ],
  [
    'takes the right to execute away',
    'revoke execute on function public.finish(text, int, text) from service_role',
    ['service_role may not execute it: grant the right again'],
  ],
  ['drops the table', 'drop table public.things', ['it is gone: keep it one version longer']],
  ['drops a column', 'alter table public.things drop column size', ['its column size is gone']],
  [
    'changes the type of a column',
    'alter table public.things alter column size type text',
    ['its column size is text instead of integer'],
  ],
  [
    'adds a column that each insert must give',
    'alter table public.things add column colour text not null',
    ['an insert must give the column colour: give the column a default'],
  ],
  [
    'takes a right on the table away',
    'revoke insert on table public.things from authenticated',
    ['authenticated lacks insert: grant the right again'],
  ],
];

const HARMLESS = `
  ${REPLACE}(p_id text, p_count int default 1, p_note text default '', p_new int default 0) returns jsonb ${BODY};
  alter table public.things add column colour text not null default 'red', alter column title drop not null;
  create function public.another() returns int language sql as 'select 1';
`;

describe('what a released version calls', () => {
  let database: EmptyDatabase;
  let sql: postgres.Sql;
  let released: CalledObjects;
  beforeAll(async () => {
    database = await createEmptyDatabase();
    sql = postgres(database.url, { max: 1, onnotice: () => undefined });
    await sql.unsafe(RELEASED);
    released = await readCalledObjects(sql);
  });
  afterAll(async () => {
    await sql.end();
    await database[Symbol.asyncDispose]();
  });

  const calls = () => describeCalls('0.2.0', { functions: ['finish'], tables: ['things'] }, released, []);

  async function findingsAfter(change: string): Promise<string[]> {
    const undone = new Error('undone');
    let found: string[] = [];
    await sql
      .begin(async (transaction) => {
        await transaction.unsafe(change);
        found = compareCalls(calls(), await readCalledObjects(transaction)).map(formatFinding);
        throw undone;
      })
      .catch((error: unknown) => {
        if (error !== undone) throw error;
      });
    return found;
  }

  it('is described by parameters, columns and rights', () => {
    expect(calls()).toEqual({
      version: '0.2.0',
      functions: {
        finish: {
          required: { p_id: 'text', p_count: 'integer' },
          optional: { p_note: 'text' },
          returns: 'jsonb',
          executableBy: ['service_role'],
        },
      },
      tables: {
        things: {
          columns: { id: 'bigint', title: 'text', size: 'integer' },
          required: ['title'],
          rights: { authenticated: ['select', 'insert', 'update', 'delete'] },
        },
      },
    });
  });

  it('is there unless a migration has changed it, and may grow', async () => {
    expect(await findingsAfter('select 1')).toEqual([]);
    expect(await findingsAfter(HARMLESS)).toEqual([]);
  });

  it.each(BREAKS)('is a finding where a migration %s', async (_what, change, said) => {
    const where = change.includes('public.things') ? 'table public.things' : 'function public.finish';
    expect(await findingsAfter(change)).toEqual(
      said.map(
        (message) => expect.stringContaining(`${where} [calls] 0.2.0 calls it, and ${message}`) as string,
      ),
    );
  });

  it('cannot be released where the database lacks it', () => {
    const describe = (functions: string[], tables: string[]) =>
      describeCalls('0.2.0', { functions, tables }, released, []);
    expect(() => describe(['nothing'], [])).toThrow('public.nothing(), of which the database has none');
    expect(() => describe([], ['nothing'])).toThrow('public.nothing, which the database lacks');
  });

  it('is a table of each report type where the code reads one', () => {
    const tables = new Map([...released.tables, ['more', { columns: {}, required: [], rights: {} }]]);
    const described = describeCalls('0.2.0', { functions: [], tables: ['things'] }, { ...released, tables }, [
      'more',
      'things',
    ]);
    expect(Object.keys(described.tables)).toEqual(['more', 'things']);
  });
});

describe('a project', () => {
  let project: string;
  beforeEach(async () => {
    project = await mkdtemp(join(tmpdir(), 'polaris-calls-'));
  });
  afterEach(() => rm(project, { recursive: true }));

  async function write(path: string, text: string): Promise<void> {
    await mkdir(dirname(join(project, path)), { recursive: true });
    await writeFile(join(project, path), text);
  }

  it('is read for the names that its code calls, and refused where a name cannot be read', async () => {
    await write(
      'tsconfig.json',
      '{ "compilerOptions": { "strict": true, "lib": ["es2024"] }, "include": ["src"] }',
    );
    await write(
      'src/code.ts',
      `declare class SupabaseClient { from(table: string): void; rpc<Name extends string>(name: Name): void }
      declare const client: SupabaseClient;
      declare function call(client: SupabaseClient, name: string): void;
      declare const which: 'first' | 'second';
      export function wrapper<Name extends string>(name: Name) { client.rpc(name); }
      const { rpc } = client;
      rpc('taken_out');
      client.rpc(which);
      call(client, 'from_the_console');
      client.from('things');
      Array.from('none');`,
    );
    expect(callsOfCode(project)).toEqual({
      functions: ['first', 'from_the_console', 'second', 'taken_out'],
      tables: ['things'],
    });
    await write('src/code.ts', `declare const client: { rpc(name: string): void };\nclient.rpc(String(1));`);
    expect(() => callsOfCode(project)).toThrow(/code\.ts:2: .*name/);
  });

  it('whose list is missing or malformed is a finding of the lint', async () => {
    const path = 'supabase/calls/released.json';
    const said = async () => (await lintCalls(project, [path])).map(formatFinding);
    expect(await said()).toEqual([expect.stringContaining(`${path} [calls] cannot be read: Error: ENOENT`)]);
    await write(path, '{ "version": 1, "functions": {}, "tables": {} }');
    expect(await said()).toEqual([expect.stringMatching(/cannot be read: .*expected string/)]);
    await write(path, '{ "version": "0.0.0", "functions": {}, "tables": {} }');
    expect(await said()).toEqual([]);
  });

  it('is checked against the lists', async () => {
    await write('supabase/migrations/20261201000000_things.sql', '-- Why: nothing.\nselect 1;\n');
    await write('supabase/sql/.keep', '');
    await using database = await createEmptyDatabase();
    const gone = { required: {}, optional: {}, returns: 'void', executableBy: [] };
    const findings = await checkDatabase(
      database.url,
      project,
      [],
      [{ version: '0.2.0', functions: { gone }, tables: {} }],
    );
    expect(findings.map(formatFinding)).toEqual([
      'function public.gone [calls] 0.2.0 calls it, and it is gone: keep it one version longer',
    ]);
  });
});

describe('this version', () => {
  it('calls each function that servers and people may execute, and each is as the lists say', async () => {
    await using database = await createTestDatabase();
    const objects = await readCalledObjects(database.sql);
    const own = await callsOfProject(projectRoot, database.url);
    const platform = await readCalls(join(projectRoot, PLATFORM_CALLS));
    expect(compareCalls(platform, objects)).toEqual([]);
    expect(compareCalls(own, objects)).toEqual([]);
    const called = new Set([...Object.keys(own.functions), ...Object.keys(platform.functions)]);
    const others = [...objects.functions].flatMap(([name, [one]]) =>
      one?.executableBy.includes('service_role') || one?.executableBy.includes('authenticated') ? [name] : [],
    );
    expect(others.filter((name) => !called.has(name))).toEqual([
      // For the functions of 0.2.0.
      'claim_due_delivery',
      // The platform's own, which nobody calls through REST.
      'cleanup_expired_report_jobs',
      // The platform's own again.
      'update_last_edited_at',
      'update_report_jobs_updated_at',
      'update_updated_at_column',
      // For npm run verify and the doctor.
      'verify_reports',
    ]);
    expect(Object.keys(own.tables)).toEqual([
      'greeting_reports',
      'operators',
      'org_reports',
      'report_notifications',
      'requirement_reports',
      'webhook_audit',
    ]);
  }, 120_000);

  it('is written as it is read again', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'polaris-calls-'));
    try {
      const platform = await readCalls(join(projectRoot, PLATFORM_CALLS));
      const path = join(folder, 'released.json');
      await writeCalls(path, platform);
      expect(await readCalls(path)).toEqual(platform);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
