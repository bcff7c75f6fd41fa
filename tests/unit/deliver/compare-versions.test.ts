import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectRoot } from '../../../tools/local/paths.ts';
import { versionDate } from '../../../src/contracts/format-versions.ts';
import { compareVersions, MAX_VERSION_CHANGES } from '../../../src/server/deliver/compare-versions.ts';

/** A body as the golden files have it. */
function golden(version: number, type: string): string {
  const file = `tests/fixtures/bodies/${versionDate(version)}/${type}.full.body`;
  return readFileSync(join(projectRoot, file), 'utf8');
}

const types = ['report.final.completed', 'report.prelim.failed'];
const pairs = (before: number, after: number) =>
  types.map((type) => ({ before: golden(before, type), after: golden(after, type) }));

describe('what changes between two versions', () => {
  it('is what the newest has more, and once for all events', () => {
    expect(compareVersions(pairs(1, 2))).toEqual([
      { path: 'data.position', events: 2, before: null, after: '3' },
      { path: 'data.stage', events: 2, before: null, after: '"final"' },
      { path: 'data.channel', events: 2, before: null, after: '"webhook"' },
    ]);
    expect(compareVersions(pairs(2, 1)).map(({ before }) => before)).toEqual(['3', '"final"', '"webhook"']);
  });

  it('is where each member stands, in the flat form', () => {
    const changes = new Map(compareVersions(pairs(1, 0)).map((change) => [change.path, change]));
    expect(changes.get('type')).toEqual({
      path: 'type',
      events: 2,
      before: '"report.final.completed"',
      after: null,
    });
    expect(changes.get('data.job_id')).toMatchObject({ before: String.raw`"job \"1\""`, after: null });
    expect(changes.get('job_id')).toMatchObject({ before: null, after: String.raw`"job \"1\""` });
    expect(changes.get('data.research_metadata')?.before).toContain('12345678901234567890');
    expect(changes.get('error')).toMatchObject({ events: 1 });
  });

  it('is nothing between a version and itself', () => {
    expect(compareVersions(pairs(2, 2))).toEqual([]);
    expect(compareVersions([])).toEqual([]);
  });

  it('sees a difference at the end of a long value, and shows its beginning', () => {
    const body = (end: string) => JSON.stringify({ data: { research_report: 'x'.repeat(100_000) + end } });
    const [change, ...others] = compareVersions([{ before: body('a'), after: body('b') }]);
    expect(others).toEqual([]);
    expect(change?.path).toBe('data.research_report');
    expect(change?.before?.length).toBeLessThanOrEqual(200);
  });

  it('compares digits, and names that look like others', () => {
    const body = (metadata: string) => `{"data":{"research_metadata":${metadata}}}`;
    const differ = (before: string, after: string) =>
      compareVersions([{ before: body(before), after: body(after) }]).length === 1;
    expect(differ('{"a": 1.0}', '{"a": 1.00}')).toBe(true);
    expect(differ(String.raw`{"c\"": 1}`, String.raw`{"c\\": 1}`)).toBe(true);
    expect(differ('{"a": 1.0}', '{"a": 1.0}')).toBe(false);
  });

  it.each(['{"data":', '[1]', '{"a":1,"a":2}', `{"n":${'9'.repeat(65)}}`])(
    'is the whole of a body that is not read: %s',
    (body) => {
      const change = { path: '', events: 1, before: body, after: '{}' };
      expect(compareVersions([{ before: body, after: '{}' }])).toEqual([change]);
      expect(compareVersions([{ before: body, after: body }])).toEqual([]);
    },
  );

  it('names a limited number of members', () => {
    const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, at) => [`m${at}`, at]));
    const changes = compareVersions([{ before: '{}', after: JSON.stringify(many) }]);
    expect(changes).toHaveLength(MAX_VERSION_CHANGES);
  });
});
