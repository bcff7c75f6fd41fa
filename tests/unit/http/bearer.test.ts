import { describe, expect, it } from 'vitest';
import { bearerToken, isOneOf, isSecret, parseBearerKeys } from '../../../src/server/http/bearer.ts';

const tokenOf = (authorization: string) => bearerToken(new Headers({ authorization }));

describe('a bearer token', () => {
  it.each([
    ['Bearer abc', 'abc'],
    ['bearer abc', 'abc'],
    ['Bearer a', 'a'],
    ['Bearer abc def', 'abc def'],
    ['Bearer   abc', 'abc'],
    ['Bearer abc\n', 'abc'],
  ])('of %j is %j', (header, token) => {
    expect(tokenOf(header)).toBe(token);
  });

  it.each(['', 'abc', 'Bearer', 'Bearer ', 'Basic abc', 'Bearer \u00fc', `Bearer ${'a'.repeat(8193)}`])(
    'is not read from %j',
    (header) => {
      expect(tokenOf(header)).toBeNull();
    },
  );
});

describe('bearer keys', () => {
  const old = 'old'.repeat(12);
  const next = 'new'.repeat(12);

  it('admit each of several, in any order, and nobody else', () => {
    const keys = parseBearerKeys(`${next} ${old}`);
    expect(keys[0]).toBe(next);
    expect([isOneOf(next, keys), isOneOf(old, keys)]).toEqual([true, true]);
    expect(isOneOf(`${old}x`, keys)).toBe(false);
    expect(isOneOf(old.slice(1), keys)).toBe(false);
    expect(isOneOf('', keys)).toBe(false);
  });

  it('admit the whole list too, as a cron sends it that knows the variable alone', () => {
    const keys = parseBearerKeys(`${next} ${old}`);
    expect(isOneOf(`${next} ${old}`, keys)).toBe(true);
    expect(isOneOf(`${old} ${next}`, keys)).toBe(false);
    expect(isOneOf(`${next} `, keys)).toBe(false);
  });

  it('are never none', () => {
    expect(() => parseBearerKeys('')).toThrow('empty');
  });

  it('are compared whatever the lengths', () => {
    expect([isSecret('a', 'a'), isSecret('a', 'aa'), isSecret('aa', 'a')]).toEqual([true, false, false]);
  });
});
