import type postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRandom } from '../../tools/chaos/random.ts';
import { filter as filterSchema, type Filter } from '../../src/contracts/filters.ts';
import { compileFilter } from '../../src/server/deliver/filters/compile.ts';
import {
  evaluateFilter,
  filterValuesAnswer,
  pathsOf,
  readFilterValues,
} from '../../src/server/deliver/filters/evaluate.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import {
  printSpelled,
  randomDocument,
  randomFilter,
  valuesIn,
  type Spelled,
} from '../support/random-filters.ts';

const PAIRS = 100_000;
/** Asked at once. */
const SLICE = 10_000;
const SEED = Number(process.env['FILTER_SEED'] ?? 15);

let database: TestDatabase;
let sql: postgres.Sql;
beforeAll(async () => {
  database = await createTestDatabase();
  sql = database.sql;
});
afterAll(() => database.drop());

async function matches(filter: Filter, document: string): Promise<boolean> {
  const [row] = await sql<{ matches: boolean }[]>`
    select private.filter_matches(${document}::text::jsonb, ${compileFilter(filter)}::text::jsonpath) as matches`;
  if (row === undefined) throw new Error('no answer');
  return row.matches;
}

describe('a compiled filter', () => {
  it('decides 100,000 random pairs as the plain evaluation does, and sees the same values', async () => {
    const random = createRandom(SEED, 'filters');
    let matching = 0;
    for (let done = 0; done < PAIRS; done += SLICE) {
      const pairs = Array.from({ length: SLICE }, () => {
        const document = randomDocument(random);
        const filter = randomFilter(random, document);
        const parsed = filterSchema.safeParse(filter);
        // Nothing is compared that no subscriber could set.
        if (!parsed.success) throw new Error(`${JSON.stringify(filter)}: ${parsed.error.message}`);
        const paths = pathsOf(filter);
        return { filter, document, paths, seen: valuesIn(document, paths) };
      });
      const rows = await sql<{ matches: boolean; values: string }[]>`
        select private.filter_matches(document, path::jsonpath) as matches,
          private.filter_values(document, array(select jsonb_array_elements_text(paths::jsonb)))::text as values
        from unnest(
            ${pairs.map(({ document }) => printSpelled(document))}::text[],
            ${pairs.map(({ filter }) => compileFilter(filter))}::text[],
            ${pairs.map(({ paths }) => JSON.stringify(paths))}::text[]) with ordinality pair (text, path, paths, at),
          lateral (select text::jsonb as document) parsed
        order by at`;
      expect(rows).toHaveLength(SLICE);
      for (const [index, row] of rows.entries()) {
        const pair = pairs[index];
        if (pair === undefined) throw new Error('more rows than pairs');
        const read = readFilterValues(pair.paths, filterValuesAnswer.parse(JSON.parse(row.values)));
        const plain = evaluateFilter(pair.filter, pair.seen);
        const explained = evaluateFilter(pair.filter, read);
        const agree =
          plain.matches === row.matches && explained.matches === row.matches && read.size === pair.seen.size;
        if (!agree) {
          const { filter, document } = pair;
          expect.fail(
            `${JSON.stringify(filter)} over ${printSpelled(document)}: SQL says ${row.matches}, of ${row.values}; ${JSON.stringify(plain)}`,
          );
        }
        if (row.matches) matching += 1;
      }
    }
    // Both answers are common, or the comparison would say little.
    expect(matching).toBeGreaterThan(PAIRS / 4);
    expect(matching).toBeLessThan((PAIRS * 3) / 4);
  }, 120_000);

  it('finds each character by name and by value, at the start and at the end of a text', async () => {
    const points = [...Array(0x2ff).keys()]
      .slice(1)
      .concat(0x2028, 0x2029, 0xd7ff, 0xe000, 0xfeff, 0xffff, 0x1f680, 0x10ffff);
    const cases = points.flatMap((point) => {
      const character = String.fromCodePoint(point);
      const name = character === '.' ? 'dot' : character;
      const document = new Map<string, Spelled>([
        ['metadata', new Map<string, Spelled>([[name, `${character}.${character}`]])],
      ]);
      const at = `metadata.${name}`;
      const found: Filter[] = [
        { exact: { [at]: `${character}.${character}` } },
        { prefix: { [at]: `${character}.` } },
        { suffix: { [at]: `.${character}` } },
        { exists: at },
      ];
      const missed: Filter[] = [{ prefix: { [at]: `${character}x` } }, { suffix: { [at]: `x${character}` } }];
      return [...found, ...missed].map((filter) => ({ filter, document, expected: found.includes(filter) }));
    });
    for (const { filter } of cases) expect(filterSchema.safeParse(filter).error).toBeUndefined();
    const rows = await sql<{ matches: boolean }[]>`
      select private.filter_matches(document::jsonb, path::jsonpath) as matches
      from unnest(
        ${cases.map(({ document }) => printSpelled(document))}::text[],
        ${cases.map(({ filter }) => compileFilter(filter))}::text[]) with ordinality pair (document, path, at)
      order by at`;
    const wrong = cases.filter(({ expected }, index) => rows[index]?.matches !== expected);
    expect(wrong.map(({ filter }) => filter)).toEqual([]);
  });

  it('is a path that PostgreSQL reads, at all limits at once', async () => {
    const name = '"\\$'.repeat(21).slice(0, 62);
    const at = `metadata.${name}.${name}.${name}`;
    const text = '\\"(*'.repeat(64);
    const leaf: Filter = { not: { not: { suffix: { [at]: text } } } };
    const widest: Filter = { any: [{ all: Array.from({ length: 50 }, () => leaf) }] };
    expect(filterSchema.safeParse(widest).error).toBeUndefined();
    const document = `{"metadata":${[name, name, name].reduce(
      (inner, each) => `{${JSON.stringify(each)}:${inner}}`,
      JSON.stringify(text),
    )}}`;
    expect(await matches(widest, document)).toBe(true);
    expect(await matches(widest, '{"metadata":{}}')).toBe(false);
  });

  it.each<[string, Filter, string, boolean]>([
    ['an element of an array', { exact: { 'metadata.a': 'eu' } }, '{"metadata":{"a":["eu"]}}', false],
    [
      'a member of an object in an array',
      { exact: { 'metadata.a.b': 'eu' } },
      '{"metadata":{"a":[{"b":"eu"}]}}',
      false,
    ],
    ['the number of an item of an array', { exists: 'metadata.a.0' }, '{"metadata":{"a":["eu"]}}', false],
    ['a number by its value', { exact: { 'metadata.a': 1 } }, '{"metadata":{"a":1.0}}', true],
    [
      'a digit beyond a double',
      { exact: { 'metadata.a': 0.1 } },
      '{"metadata":{"a":0.10000000000000000001}}',
      false,
    ],
    ['a number as a text', { exact: { 'metadata.a': '1' } }, '{"metadata":{"a":1}}', false],
    ['null', { exact: { 'metadata.a': null } }, '{"metadata":{"a":null}}', true],
    ['null where nothing is', { exact: { 'metadata.a': null } }, '{"metadata":{}}', false],
    ['not what is absent', { not: { exact: { 'metadata.a': 'eu' } } }, '{"metadata":null}', true],
    [
      'not not what is absent',
      { not: { not: { exact: { 'metadata.a': 'eu' } } } },
      '{"metadata":null}',
      false,
    ],
    ['not of another type', { not: { prefix: { 'metadata.a': 'e' } } }, '{"metadata":{"a":5}}', true],
    ['256 characters', { exists: 'metadata.a' }, `{"metadata":{"a":"${'🚀'.repeat(256)}"}}`, true],
    ['257 characters', { exists: 'metadata.a' }, `{"metadata":{"a":"${'x'.repeat(257)}"}}`, false],
    [
      '257 characters by their beginning',
      { prefix: { 'metadata.a': 'x' } },
      `{"metadata":{"a":"${'x'.repeat(257)}"}}`,
      false,
    ],
    [
      '257 characters by their end',
      { suffix: { 'metadata.a': 'x' } },
      `{"metadata":{"a":"${'x'.repeat(257)}"}}`,
      false,
    ],
    ['lines by their end', { suffix: { 'metadata.a': '\nb' } }, '{"metadata":{"a":"a\\nb"}}', true],
    ['lines by the end of the first', { suffix: { 'metadata.a': 'a' } }, '{"metadata":{"a":"a\\nb"}}', false],
    ['a pattern as a text', { suffix: { 'metadata.a': '.*' } }, '{"metadata":{"a":"eu"}}', false],
    ['a field that the event does not have', { exists: 'stage' }, '{"stage":null}', false],
    ['a whole document that is none', { not: { exists: 'type' } }, '5', true],
  ])('matches or not: %s', async (_, filter, document, expected) => {
    expect(await matches(filter, document)).toBe(expected);
  });

  it('is no match where the path decides nothing, and raises no error', async () => {
    const [row] = await sql`
      select private.filter_matches('{"x":1}', 'strict $.x') as no_predicate,
        private.filter_matches('{"x":"a"}', 'strict $.x > 1') as other_type,
        private.filter_matches('{"x":1}', 'strict $.x / 0 == 1') as division,
        private.filter_matches(null, 'strict $.x == 1') as no_document, private.filter_matches('{}', null) as no_path`;
    expect(row).toEqual({
      no_predicate: false,
      other_type: false,
      division: false,
      no_document: false,
      no_path: false,
    });
  });
});

describe('the document of an event', () => {
  it('has what a filter may ask for, and a deletion is neither completed nor failed', async () => {
    const rows = await sql<{ document: unknown }[]>`
      select private.filter_document(event, ${'{"a": 1.0}'}::text::jsonb) as document
      from jsonb_populate_recordset(null::public.report_events, ${sql.json([
        {
          id: 'evt_1',
          type: 'report.final.failed',
          report_type: 'org',
          stage: 'final',
          status: 'failed',
          channel: 'direct',
        },
        {
          id: 'evt_2',
          type: 'report.deleted',
          report_type: 'org',
          stage: null,
          status: 'completed',
          channel: 'owner',
        },
      ])}) event`;
    expect(rows.map(({ document }) => document)).toEqual([
      {
        type: 'report.final.failed',
        report_type: 'org',
        stage: 'final',
        status: 'failed',
        channel: 'direct',
        metadata: { a: 1 },
      },
      {
        type: 'report.deleted',
        report_type: 'org',
        stage: null,
        status: 'deleted',
        channel: 'owner',
        metadata: { a: 1 },
      },
    ]);
  });

  it('has null metadata where the event has none', async () => {
    const [row] = await sql`
      select private.filter_document(jsonb_populate_record(null::public.report_events, '{"type": "report.deleted"}'), null)
        -> 'metadata' as metadata`;
    expect(row).toEqual({ metadata: null });
  });
});
