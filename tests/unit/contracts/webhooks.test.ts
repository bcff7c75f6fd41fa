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
    ['data.research_metadata', { ...data, research_metadata: { key: `nul ${String.fromCharCode(0)}` } }],
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

describe('generated text', () => {
  it('loses U+0000 and half surrogates, and keeps the rest', () => {
    const text = `a${String.fromCharCode(0)}b\ud800c🚀\udc00d`;
    expect(toStorable(text)).toBe('abc🚀d');
  });
});
