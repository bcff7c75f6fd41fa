import { expect, it } from 'vitest';
import { parseRetryAfter } from '../../../src/server/deliver/retry-after.ts';

const NOW = Date.parse('2026-11-25T12:00:00Z');

it.each([
  ['0', 0],
  ['60', 60],
  // The database decides how much of it is honoured.
  ['86400', 86_400],
  ['9'.repeat(400), Number.MAX_SAFE_INTEGER],
  ['Wed, 25 Nov 2026 12:05:00 GMT', 300],
  ['Wednesday, 25-Nov-26 12:05:00 GMT', 300],
  ['Wed Nov 25 12:05:00 2026', 300],
  ['Sun Dec  6 12:00:00 2026', 11 * 86_400],
  ['Wed, 21 Oct 2015 07:28:00 GMT', 0],
  ['Fri, 31 Dec 9999 23:59:59 GMT', (Date.parse('9999-12-31T23:59:59Z') - NOW) / 1000],
])('reads %s', (header, seconds) => {
  expect(parseRetryAfter(header, NOW)).toBe(seconds);
});

it('rounds up: a retry must not come before the time that was named', () => {
  expect(parseRetryAfter('Wed, 25 Nov 2026 12:05:00 GMT', NOW - 250)).toBe(301);
});

// `Date.parse` reads most of these as a day of some year.
it.each([
  null,
  '',
  '1.5',
  '40.5',
  '12.30',
  '-5',
  '+3',
  '1e3',
  '0x10',
  '2030-01',
  '2026-11-25T12:05:00Z',
  'Wed, 25 Nov 2026 12:05:00',
  'Wed, 25 Nov 2026 12:05:00 PST',
  'Wed, 99 Nov 2026 12:05:00 GMT',
  'tomorrow',
])('ignores %s', (header) => {
  expect(parseRetryAfter(header, NOW)).toBeNull();
});
