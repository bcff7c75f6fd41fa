import { expect, it } from 'vitest';
import { parseRetryAfter } from '../../../src/server/http/retry-after.ts';

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
  ['Wed, 21 Oct 0015 07:28:00 GMT', 0],
  ['Thu Jan  1 00:00:00 1970', 0],
  // Two digits of a year mean the next 50 years, else the past.
  ['Friday, 25-Nov-76 12:00:00 GMT', (Date.parse('2076-11-25T12:00:00Z') - NOW) / 1000],
  ['Friday, 25-Nov-77 12:00:00 GMT', 0],
  ['Sunday, 06-Nov-94 08:49:37 GMT', 0],
  // A leap second.
  ['Thu, 31 Dec 2026 23:59:60 GMT', (Date.parse('2027-01-01T00:00:00Z') - NOW) / 1000],
  ['Tue, 29 Feb 2028 00:00:00 GMT', (Date.parse('2028-02-29T00:00:00Z') - NOW) / 1000],
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
  'Tue, 31 Feb 2027 12:05:00 GMT',
  'Mon, 29 Feb 2027 12:05:00 GMT',
  'Mon, 00 Dec 2026 12:05:00 GMT',
  'Mon Nov 31 12:05:00 2026',
  'Wed, 25 Nov 2026 24:00:00 GMT',
  'Wed, 25 Nov 2026 12:60:00 GMT',
  'Wed, 25 Nov 2026 12:05:61 GMT',
  'wed, 25 nov 2026 12:05:00 gmt',
  'Wed, 25 Nov 2026 12:05:00 UTC',
  'Wed, 25 Nov 2026 12:05:00 +0000',
  'Wed, 25 November 2026 12:05:00 GMT',
  'Wed, 5 Nov 2026 12:05:00 GMT',
  'Wed 25 Nov 2026 12:05:00 GMT',
  'Wed, 25-Nov-26 12:05:00 GMT',
  'Wednesday, 25-Nov-2026 12:05:00 GMT',
  'Wed Nov 25 12:05:00 2026 GMT',
  'Wed Nov 6 12:05:00 2026',
  'Nov 25, 2026',
  '60;',
  '60, 120',
  '\u0666\u0660',
  'Infinity',
  'tomorrow',
])('ignores %s', (header) => {
  expect(parseRetryAfter(header, NOW)).toBeNull();
});
