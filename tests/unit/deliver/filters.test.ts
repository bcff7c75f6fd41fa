import { describe, expect, it } from 'vitest';
import type { Filter } from '../../../src/contracts/filters.ts';
import { compileFilter } from '../../../src/server/deliver/filters/compile.ts';
import {
  evaluateFilter,
  pathsOf,
  readFilterValues,
  type FilterValue,
} from '../../../src/server/deliver/filters/evaluate.ts';
import { cpuMsOf, MOST_CPU_MS } from '../../support/cpu-ms.ts';

const values = new Map<string, FilterValue>([
  ['type', 'report.final.completed'],
  ['metadata.region', 'us'],
  ['metadata.n', { number: '1.50' }],
  ['metadata.big', { number: '12345678901234567890' }],
  ['metadata.none', null],
  ['metadata.long', `${'x'.repeat(100)}"`],
]);

describe('the comparison of numbers', () => {
  const explain = (number: string, wanted: number) =>
    evaluateFilter({ exact: { 'metadata.n': wanted } }, new Map([['metadata.n', { number }]])).matches;

  it.each([
    ['100', 100],
    ['100.00', 100],
    ['1e2', 100],
    ['0.0010', 0.001],
    ['0.000', 0],
  ])('takes %s for %d', (number, wanted) => {
    expect(explain(number, wanted)).toBe(true);
  });

  it('costs little for as many digits as PostgreSQL stores', async () => {
    const cpuMs = await cpuMsOf(() => expect(explain(`1${'0'.repeat(131_070)}1`, 1)).toBe(false));
    expect(cpuMs).toBeLessThan(MOST_CPU_MS);
  });
});

describe('the explanation of a filter', () => {
  const region = (is: string): Filter => ({ exact: { 'metadata.region': is } });
  it.each<[Filter, boolean, string, string]>([
    [region('us'), true, 'exact.metadata.region', 'Matches: metadata.region is "us".'],
    [region('eu'), false, 'exact.metadata.region', 'Does not match: metadata.region is "us", not "eu".'],
    [
      { exact: { type: 'report.final.completed', 'metadata.region': 'eu' } },
      false,
      'exact.metadata.region',
      'Does not match: metadata.region is "us", not "eu".',
    ],
    [
      { exact: { 'metadata.region': 'us', 'metadata.n': 1.5 } },
      true,
      'exact',
      'Matches: all 2 clauses match.',
    ],
    [{ not: region('eu') }, true, 'not.exact.metadata.region', 'Matches: metadata.region is "us", not "eu".'],
    [{ not: region('us') }, false, 'not.exact.metadata.region', 'Does not match: metadata.region is "us".'],
    [
      { any: [region('eu'), region('us')] },
      true,
      'any.1.exact.metadata.region',
      'Matches: metadata.region is "us".',
    ],
    [{ any: [region('eu'), region('ap')] }, false, 'any', 'Does not match: none of the 2 clauses matches.'],
    [
      { all: [region('us'), { any: [{ exists: 'stage' }] }] },
      false,
      'all.1.any.0.exists',
      'Does not match: stage is absent.',
    ],
    [{ exists: 'metadata.none' }, true, 'exists', 'Matches: metadata.none exists.'],
    [
      { not: { prefix: { 'metadata.gone': 'x' } } },
      true,
      'not.prefix.metadata.gone',
      'Matches: metadata.gone is absent: missing, an object, an array, or too long to be compared.',
    ],
    [{ exact: { 'metadata.n': 1.5 } }, true, 'exact.metadata.n', 'Matches: metadata.n is 1.50.'],
    [
      { exact: { 'metadata.n': '1.50' } },
      false,
      'exact.metadata.n',
      'Does not match: metadata.n is 1.50, not "1.50".',
    ],
    [
      { exact: { 'metadata.none': 0 } },
      false,
      'exact.metadata.none',
      'Does not match: metadata.none is null, not 0.',
    ],
    [{ prefix: { type: 'report.' } }, true, 'prefix.type', 'Matches: type begins with "report.".'],
    [{ suffix: { type: '.completed' } }, true, 'suffix.type', 'Matches: type ends with ".completed".'],
    [
      { suffix: { 'metadata.region': 'x' } },
      false,
      'suffix.metadata.region',
      'Does not match: metadata.region is "us", which does not end with "x".',
    ],
    [
      { prefix: { 'metadata.n': '1' } },
      false,
      'prefix.metadata.n',
      'Does not match: metadata.n is 1.50, no text.',
    ],
  ])('of %j', (filter, matches, decided_by, explanation) => {
    expect(evaluateFilter(filter, values)).toEqual({ matches, decided_by, explanation });
  });

  it('cuts long values', () => {
    const { explanation } = evaluateFilter({ exact: { 'metadata.long': 'y'.repeat(256) } }, values);
    expect(explanation.length).toBeLessThan(250);
  });

  it('compares each digit of a number', () => {
    const equal = (filter: number, text: string) =>
      evaluateFilter({ exact: { 'metadata.a': filter } }, new Map([['metadata.a', { number: text }]]))
        .matches;
    expect(equal(1, '1.000')).toBe(true);
    expect(equal(0, '-0.0')).toBe(true);
    expect(equal(-0, '0')).toBe(true);
    expect(equal(1e21, '1000000000000000000000')).toBe(true);
    expect(equal(1e21, '1000000000000000000001')).toBe(false);
    expect(equal(0.1, '0.10000000000000000001')).toBe(false);
    expect(equal(1, '-1')).toBe(false);
    expect(equal(10, '1')).toBe(false);
  });
});

it('asks for each path of a filter once', () => {
  const filter: Filter = {
    all: [
      { exact: { type: 'x', 'metadata.a': 1 } },
      { any: [{ prefix: { 'metadata.b': 'x' } }, { suffix: { 'metadata.a': 'x' } }] },
      { not: { exists: 'metadata.c' } },
    ],
  };
  expect(pathsOf(filter)).toEqual(['type', 'metadata.a', 'metadata.b', 'metadata.c']);
});

it('reads the values that SQL answers, and null as absent only of a field', () => {
  const paths = ['stage', 'metadata.a', 'metadata.b', 'metadata.c', 'metadata.d', 'metadata.e'];
  const answer: Parameters<typeof readFilterValues>[1] = [
    ['null', null],
    ['null', null],
    null,
    ['number', '1.0'],
    ['boolean', 'false'],
    ['string', ''],
  ];
  expect([...readFilterValues(paths, answer)]).toEqual([
    ['metadata.a', null],
    ['metadata.c', { number: '1.0' }],
    ['metadata.d', false],
    ['metadata.e', ''],
  ]);
});

it('compiles to a path with each text in quotes', () => {
  expect(compileFilter({ not: { suffix: { 'metadata."$': 'a.b' } } })).toBe(
    String.raw`strict !exists($ ? (($."metadata"."\"$" like_regex "a\\.b$" flag "s" && !($."metadata"."\"$" like_regex "^.{200}.{57}" flag "s"))))`,
  );
});
