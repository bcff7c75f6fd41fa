import { describe, expect, it } from 'vitest';
import { PROBLEMS, type ProblemCode } from '../../../src/contracts/problem.ts';
import { classifyAnswer } from '../../../src/server/deliver/classify-answer.ts';

const JOB = 'job 1';

function classify(
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
  expects: 'own_answer' | 'any_2xx' = 'own_answer',
) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return classifyAnswer(new Response(null, { status, headers }), text, { expects, job_id: JOB }, 0);
}

describe('an answer of another system', () => {
  it.each([200, 202, 204, 299])('with %i is delivered, whatever it says', (status) => {
    expect(classify(status, 'thanks', {}, 'any_2xx')).toMatchObject({ result: 'delivered', outcome: null });
  });

  it.each([302, 400, 404, 500])('with %i is a failure', (status) => {
    expect(classify(status, '', {}, 'any_2xx').result).toBe('failed');
  });

  it('never ends a delivery with a code of ours', () => {
    expect(classify(404, { code: 'report_not_found' }, {}, 'any_2xx').result).toBe('failed');
  });
});

describe('an answer 200', () => {
  it.each(['applied', 'duplicate', 'superseded'])(
    'is delivered by its outcome %s and our job id alone',
    (outcome) => {
      expect(classify(200, { outcome, job_id: JOB, report_id: 7, stage: 'another' })).toEqual({
        result: 'delivered',
        outcome,
        retryAfterSeconds: null,
        error: null,
        authentic: true,
      });
    },
  );

  it.each([
    ['of another job', { outcome: 'applied', job_id: 'job 2' }],
    ['without a job', { outcome: 'applied' }],
    ['with an unknown outcome', { outcome: 'eaten', job_id: JOB }],
    ['of a proxy', '<h1>Welcome</h1>'],
    ['that is cut off', '{"outcome":"applied","job_id":"job 1"'],
  ])('%s is a failure', (_name, body) => {
    expect(classify(200, body)).toMatchObject({ result: 'failed', outcome: null, authentic: false });
  });
});

// The codes that end a delivery are listed here once more: a change of one should be a decision.
const FINAL = [
  'invalid_json',
  'invalid_body',
  'unexpected_event_type',
  'report_not_found',
  'event_conflict',
  'job_conflict',
  'job_mismatch',
  'job_cancelled',
  'body_too_large',
];

describe('a problem', () => {
  const codes = Object.keys(PROBLEMS) as ProblemCode[];

  it.each(codes)('with our code %s and its status ends the delivery only if the code is final', (code) => {
    const { status } = PROBLEMS[code];
    const isFinal = FINAL.includes(code);
    expect(classify(status, { code })).toEqual({
      result: isFinal ? 'refused' : 'failed',
      outcome: null,
      retryAfterSeconds: null,
      error: isFinal ? code : `answered ${status} ${code}`,
      authentic: status < 500,
    });
  });

  it.each([
    ['a final code with another status', 404, { code: 'invalid_body' }],
    ['a code that every object has', 400, { code: 'constructor' }],
    ['a code that is no text', 400, { code: ['invalid_body'] }],
    ['no code', 401, '<h1>Log in</h1>'],
    ['a code of another system', 404, { code: 'NOT_FOUND' }],
  ])('with %s is retried, and proves nothing of our endpoint', (_name, status, body) => {
    expect(classify(status, body)).toMatchObject({ result: 'failed', authentic: false });
  });
});

describe('Retry-After', () => {
  it.each([429, 503])('of %d is handed on, however long', (status) => {
    expect(classify(status, '', { 'retry-after': '86400' })).toMatchObject({
      result: 'failed',
      retryAfterSeconds: 86_400,
    });
  });

  it.each([400, 500, 502])('of %d is ignored', (status) => {
    expect(classify(status, '', { 'retry-after': '60' })).toMatchObject({ retryAfterSeconds: null });
  });
});
