import { describe, expect, it } from 'vitest';
import { ENDPOINTS, requestOf } from '../../../tools/bench/hostile-endpoints.ts';
import { SHAPES, VALUE_BYTES } from '../../../tools/bench/hostile-shapes.ts';
import { problemDetails } from '../../../src/contracts/problem.ts';
import { MAX_ISSUES } from '../../../src/server/http/issues.ts';
import { DatabaseUnavailable } from '../../../src/server/store/store.ts';

// `npm run bench -- hostile` measures each body in its own process. These tests catch superlinear costs, which take seconds.
const MOST_CPU_MS = 900;
const MOST_ANSWER_BYTES = 16 * 1024;

describe.each(ENDPOINTS)('$name', ({ body, call }) => {
  it.each(SHAPES)('reads or refuses $name at little cost, with few words', async ({ make }) => {
    const request = requestOf(new TextEncoder().encode(body(make(VALUE_BYTES))));
    const before = process.cpuUsage();
    const response = await call(request).catch((error: unknown) => {
      // It was accepted, and its first call of the database fails.
      expect(error).toBeInstanceOf(DatabaseUnavailable);
      return null;
    });
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1000).toBeLessThan(MOST_CPU_MS);
    if (response === null) return;
    expect(response.status).toBe(400);
    const text = await response.text();
    expect(Buffer.byteLength(text)).toBeLessThan(MOST_ANSWER_BYTES);
    expect(problemDetails.parse(JSON.parse(text)).issues?.length ?? 0).toBeLessThanOrEqual(MAX_ISSUES);
  });
});
