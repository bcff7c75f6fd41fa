import { describe, expect, it } from 'vitest';
import { toStorable } from '../../../src/contracts/text.ts';
import { flatBody, webhookEnvelope } from '../../../src/contracts/webhooks.ts';

const data = {
  job_id: 'job_1',
  report_id: '7c0f7f4e-6f0c-4a86-9d7e-6f9d2f3c1a11',
  report_type: 'org',
  research_report: '# Report',
  research_status: 'completed',
};
const envelope = { type: 'report.prelim.completed', timestamp: '2026-01-02T03:04:05.678Z', data };

function issuesOf(body: unknown): string[] {
  return webhookEnvelope.safeParse(body).error?.issues.map((issue) => issue.path.join('.')) ?? [];
}

describe('the webhook body', () => {
  it('is accepted in both forms', () => {
    expect(issuesOf(envelope)).toEqual([]);
    expect(flatBody.safeParse(data).success).toBe(true);
  });

  it.each([
    ['data.research_report', { ...data, research_report: '  ' }],
    ['data.research_report', { ...data, research_report: 'half \ud800' }],
    ['data.research_metadata.key', { ...data, research_metadata: { key: `nul ${String.fromCharCode(0)}` } }],
    ['data.research_metadata.a.1.b', { ...data, research_metadata: { a: [0, { b: Infinity }] } }],
    ['data.research_metadata.a', { ...data, research_metadata: { a: new Date() } }],
    ['data.research_metadata.a', { ...data, research_metadata: { a: undefined } }],
    ['data.research_metadata.half \ud800', { ...data, research_metadata: { 'half \ud800': 1 } }],
    ['data.final_data', { ...data, final_data: [] }],
    ['data.report_id', { ...data, report_id: '1 or 1=1' }],
    ['data.report_type', { ...data, report_type: '../operators' }],
    ['data.research_status', { ...data, research_status: 'failed' }],
    ['data.requested_at', { ...data, requested_at: 'yesterday' }],
    ['data.job_id', { ...data, job_id: '' }],
  ])('names %s when that does not fit', (path, changed) => {
    expect(issuesOf({ ...envelope, data: changed })).toContain(path);
  });

  it.each([null, [], 'text', 7])('refuses %j', (body) => {
    expect(webhookEnvelope.safeParse(body).success).toBe(false);
  });
});

describe('an object that clients build', () => {
  const nested = (levels: number, innermost: unknown) => {
    let value = innermost;
    for (let level = 0; level < levels; level += 1) value = [value];
    return value;
  };

  it('keeps every member, also those that every object has', () => {
    const research_metadata: unknown = JSON.parse(
      '{"__proto__":{"a":1},"constructor":null,"b":[true,"c",1.5]}',
    );
    const parsed = flatBody.parse({ ...data, research_metadata });
    expect(JSON.stringify(parsed.research_metadata)).toBe(JSON.stringify(research_metadata));
  });

  it.each([
    ['wide and deep, each branch with a fault', Array.from({ length: 5000 }, () => nested(88, Infinity))],
    ['deeper than any recursion reaches', nested(200_000, Infinity)],
    [
      'of many members, each with a fault',
      Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`k${i}`, NaN])),
    ],
  ])('has one fault where it is %s, at little cost', (_name, k) => {
    const before = process.cpuUsage();
    const { error } = flatBody.safeParse({ ...data, research_metadata: { k } });
    const { user, system } = process.cpuUsage(before);
    expect(error?.issues).toHaveLength(1);
    expect((user + system) / 1000).toBeLessThan(1500);
  });
});

describe('generated text', () => {
  it('loses U+0000 and half surrogates, and keeps the rest', () => {
    const text = `a${String.fromCharCode(0)}b\ud800c🚀\udc00d`;
    expect(toStorable(text)).toBe('abc🚀d');
  });
});
