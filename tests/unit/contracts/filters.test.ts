import { describe, expect, it } from 'vitest';
import {
  filter,
  FILTER_OPEN,
  MAX_FILTER_CLAUSES,
  MAX_FILTER_DEPTH,
  type Filter,
} from '../../../src/contracts/filters.ts';
import { readJson, validate } from '../../../src/server/http/read-json.ts';

/** The issues of a filter as a body brings it. */
function issuesOf(text: string): { path: string; message: string }[] {
  const read = readJson(Buffer.from(text), { open: FILTER_OPEN });
  if (!read.ok) throw new Error('the text was not read');
  const validated = validate(filter, read.value);
  return validated.ok ? [] : validated.issues;
}

const leaf = '{"exists":"metadata.a"}';
const nested = (levels: number) => '{"not":'.repeat(levels - 1) + leaf + '}'.repeat(levels - 1);
const many = (clauses: number) => `{"all":[${Array<string>(clauses).fill(leaf).join(',')}]}`;
const a64 = 'a'.repeat(64);

describe('a filter', () => {
  it.each([
    leaf,
    '{"exact":{"metadata.region":"eu","metadata.n":1.5,"metadata.b":false,"metadata.z":null,"type":"report.deleted"}}',
    '{"prefix":{"type":"report.final."}}',
    '{"suffix":{"metadata.__proto__.constructor.x":"\\u0001"}}',
    '{"any":[{"not":{"exists":"stage"}},{"all":[{"exists":"channel"}]}]}',
    `{"exists":"metadata.${a64}.${a64}.${'🚀'.repeat(64)}"}`,
    `{"exact":{"metadata.a":"${'🚀'.repeat(256)}"}}`,
    '{"exact":{"metadata.a":123456789012345}}',
    '{"exact":{"metadata.a":-1.5e-40}}',
    nested(MAX_FILTER_DEPTH),
    many(MAX_FILTER_CLAUSES),
  ])('is accepted: %s', (text) => {
    expect(issuesOf(text)).toEqual([]);
  });

  it.each([
    ['null', '', 'must be an object with one of'],
    ['[]', '', 'must be an object with one of'],
    ['"exact"', '', 'must be an object with one of'],
    ['{}', '', 'must be an object with one of'],
    ['{"exists":"type","not":{"exists":"type"}}', '', 'must be an object with one of'],
    ['{"__proto__":{"exists":"type"}}', '__proto__', 'is none of'],
    ['{"sql":"1=1"}', 'sql', 'is none of'],
    ['{"any":[{"exists":"type"},{"like":{"type":"x"}}]}', 'any.1.like', 'is none of'],
    ['{"any":[]}', 'any', 'at least one filter'],
    ['{"all":{}}', 'all', 'at least one filter'],
    ['{"any":[5]}', 'any.0', 'must be an object'],
    ['{"not":[]}', 'not', 'must be an object'],
    ['{"exact":{}}', 'exact', 'at least one member'],
    ['{"exact":[]}', 'exact', 'at least one member'],
    ['{"exact":{"__proto__":"x","type":"y"}}', 'exact.__proto__', 'must be type'],
    ['{"exact":{"research_report":"x"}}', 'exact.research_report', 'must be type'],
    ['{"exact":{"metadata":"x"}}', 'exact.metadata', 'must be type'],
    ['{"exact":{"metadata.":"x"}}', 'exact.metadata.', 'must be type'],
    ['{"exact":{"metadata.a..b":"x"}}', 'exact.metadata.a..b', 'must be type'],
    ['{"exact":{"metadata.a.b.c.d":"x"}}', 'exact.metadata.a.b.c.d', 'must be type'],
    ['{"exact":{"type.a":"x"}}', 'exact.type.a', 'must be type'],
    [`{"exists":"metadata.${a64}a"}`, 'exists', 'must be type'],
    ['{"exists":5}', 'exists', 'must be the path'],
    ['{"exists":{"metadata.a":true}}', 'exists', 'must be the path'],
    ['{"exact":{"metadata.a":{"b":1}}}', 'exact.metadata.a', 'must be a text, a number'],
    ['{"exact":{"metadata.a":["eu"]}}', 'exact.metadata.a', 'must be a text, a number'],
    ['{"exact":{"type":null}}', 'exact.type', 'must be a text'],
    ['{"exact":{"stage":1}}', 'exact.stage', 'must be a text'],
    [`{"exact":{"metadata.a":"${'x'.repeat(257)}"}}`, 'exact.metadata.a', 'more than 256 characters'],
    [`{"suffix":{"metadata.a":"${'🚀'.repeat(257)}"}}`, 'suffix.metadata.a', 'more than 256 characters'],
    ['{"exact":{"metadata.a":1234567890123456}}', 'exact.metadata.a', 'at most 15 digits'],
    ['{"exact":{"metadata.a":0.1234567890123456}}', 'exact.metadata.a', 'at most 15 digits'],
    ['{"prefix":{"metadata.a":""}}', 'prefix.metadata.a', 'must not be empty'],
    ['{"suffix":{"metadata.a":5}}', 'suffix.metadata.a', 'must be a text'],
    [nested(MAX_FILTER_DEPTH + 1), 'not.not.not.not.not', 'nested deeper than 5 levels'],
    [many(MAX_FILTER_CLAUSES + 1), '', 'more than 50 clauses'],
  ])('is refused with the path: %s', (text, path, message) => {
    expect(issuesOf(text)).toContainEqual({ path, message: expect.stringContaining(message) as string });
  });

  it('is refused when a client builds what JSON would not keep', () => {
    for (const value of [NaN, Infinity, undefined, 'nul \u0000', 'half \ud800', new Date(), 1n]) {
      expect(filter.safeParse({ exact: { 'metadata.a': value } }).success).toBe(false);
    }
    expect(filter.safeParse({ exists: 'metadata.half \ud800' }).success).toBe(false);
    expect(filter.safeParse(undefined).success).toBe(false);
  });

  it.each<[string, unknown]>([
    [
      'comparisons',
      { exact: Object.fromEntries(Array.from({ length: 100_000 }, (_, at) => [`x${at}`, 'x'])) },
    ],
    ['filters that are none', { any: Array<object>(100_000).fill({}) }],
    ['unknown dialects', { any: Array<object>(100_000).fill({ sql: 1 }) }],
    ['filters without clauses', { any: Array<object>(100_000).fill({ any: [] }) }],
    ['levels', { any: [{ any: [{ any: [{ any: [{ any: Array<object>(100_000).fill({ any: [] }) }] }] }] }] }],
  ])('is read no further than its limit of clauses, with 100,000 %s', (_, value) => {
    const { error } = filter.safeParse(value);
    expect(error?.issues.length).toBeLessThanOrEqual(MAX_FILTER_CLAUSES + 1);
    expect(error?.issues.at(-1)?.message).toContain('more than 50 clauses');
  });

  it('keeps what it was given', () => {
    const given: Filter = { all: [{ exact: { 'metadata.a': 1 } }, { not: { exists: 'stage' } }] };
    expect(filter.parse(given)).toEqual(given);
  });
});
