import { APICallError } from 'ai';
import { describe, expect, it } from 'vitest';
import { retryDelayMs } from '../../../src/server/generation/retry-delay.ts';

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
    const most = [1, 2, 3, 4].map((attempt) => retryDelayMs(new Error(), attempt, policy, () => 1));
    expect(most).toEqual([100, 200, 300, 300]);
    expect(retryDelayMs(new Error(), 3, policy, () => 0)).toBe(0);
  });

  it('is as long as the provider asks', () => {
    expect(retryDelayMs(refusal('7'), 1, policy, () => 1)).toBe(7_000);
    const inTenSeconds = new Date(Date.now() + 10_000).toUTCString();
    expect(retryDelayMs(refusal(inTenSeconds), 1, policy, () => 1)).toBeGreaterThan(8_000);
  });

  it.each(['soon', '-5', '', new Date(0).toUTCString()])('ignores Retry-After: %j', (header) => {
    expect(retryDelayMs(refusal(header), 1, policy, () => 1)).toBe(100);
  });

  it('is none when the provider wants more time than there is', () => {
    expect(retryDelayMs(refusal('61'), 1, policy, () => 1)).toBeNull();
  });
});
