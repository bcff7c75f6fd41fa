import { APICallError } from 'ai';
import { describe, expect, it } from 'vitest';
import { retryDelayMs } from '../../../src/server/generation/retry-delay.ts';

const now = () => Date.parse('2026-11-25T12:00:00Z');
const policy = { maxAttempts: 3, backoffMs: 100, maxBackoffMs: 300, maxRetryAfterMs: 60_000 };

function refusal(retryAfter: string): APICallError {
  return new APICallError({
    message: 'slow down',
    url: 'http://llm.example',
    requestBodyValues: {},
    statusCode: 429,
    responseHeaders: { 'retry-after': retryAfter },
  });
}

describe('the pause before another attempt', () => {
  it('doubles up to its bound, with full jitter', () => {
    const most = [1, 2, 3, 4].map((attempt) =>
      retryDelayMs(new Error(), attempt, policy, { random: () => 1, now }),
    );
    expect(most).toEqual([100, 200, 300, 300]);
    expect(retryDelayMs(new Error(), 3, policy, { random: () => 0, now })).toBe(0);
  });

  it('is as long as the provider asks', () => {
    expect(retryDelayMs(refusal('7'), 1, policy, { random: () => 1, now })).toBe(7_000);
    const inTenSeconds = 'Wed, 25 Nov 2026 12:00:10 GMT';
    expect(retryDelayMs(refusal(inTenSeconds), 1, policy, { random: () => 1, now })).toBe(10_000);
  });

  // `Date.parse` reads some of these as a day far ahead, for which no job waits.
  it.each(['soon', '-5', '', '+3', '1.5', '2030-01', '40.5', new Date(0).toUTCString()])(
    'ignores Retry-After: %j',
    (header) => {
      expect(retryDelayMs(refusal(header), 1, policy, { random: () => 1, now })).toBe(100);
    },
  );

  it('is none when the provider wants more time than there is', () => {
    expect(retryDelayMs(refusal('61'), 1, policy, { random: () => 1, now })).toBeNull();
  });
});
