const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const WEEKDAY = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)';
const MONTH = `(?<month>${MONTHS.join('|')})`;
const TIME = '(?<hour>\\d\\d):(?<minute>\\d\\d):(?<second>\\d\\d)';

/**
 * The three forms of an HTTP date (RFC 9110, section 5.6.7). `Date.parse` is not strict: it reads `1.5` as a day in 2001, and
 * 31 February as 3 March.
 */
const HTTP_DATES = [
  new RegExp(`^${WEEKDAY}, (?<day>\\d\\d) ${MONTH} (?<year>\\d{4}) ${TIME} GMT$`),
  new RegExp(
    `^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (?<day>\\d\\d)-${MONTH}-(?<year>\\d\\d) ${TIME} GMT$`,
  ),
  new RegExp(`^${WEEKDAY} ${MONTH} (?<day>\\d\\d| \\d) ${TIME} (?<year>\\d{4})$`),
];

/**
 * The seconds in a Retry-After header, from 0 to the largest exact integer: whole seconds or an HTTP date (RFC 9110, section
 * 10.2.3). Null for anything else. The caller decides how much of it to honour.
 * @param now milliseconds since the epoch
 */
export function parseRetryAfter(header: string | null, now: number): number | null {
  if (header === null) return null;
  const seconds = /^\d+$/.test(header) ? Number(header) : (parseHttpDate(header, now) - now) / 1000;
  if (Number.isNaN(seconds)) return null;
  return Math.min(Math.max(0, Math.ceil(seconds)), Number.MAX_SAFE_INTEGER);
}

/** Milliseconds since the epoch; NaN if it is not an HTTP date, or has an impossible day or time. */
function parseHttpDate(text: string, now: number): number {
  for (const form of HTTP_DATES) {
    const groups = form.exec(text)?.groups;
    if (groups === undefined) continue;
    const { day, month = '', year = '', hour, minute, second } = groups;
    const fullYear = year.length === 4 ? Number(year) : fullYearOf(Number(year), now);
    return timeOf(fullYear, MONTHS.indexOf(month), Number(day), [
      Number(hour),
      Number(minute),
      Number(second),
    ]);
  }
  return NaN;
}

/** A two-digit year is at most 50 years ahead (RFC 9110, section 5.6.7). */
function fullYearOf(twoDigits: number, now: number): number {
  const thisYear = new Date(now).getUTCFullYear();
  const year = thisYear - (thisYear % 100) + twoDigits;
  if (year > thisYear + 50) return year - 100;
  return year <= thisYear - 50 ? year + 100 : year;
}

function timeOf(year: number, month: number, day: number, clock: [number, number, number]): number {
  const [hour, minute, second] = clock;
  // A leap second is second 60.
  if (hour > 23 || minute > 59 || second > 60) return NaN;
  // Not Date.UTC(), which maps the years 0 to 99 to 1900 to 1999.
  const date = new Date(0);
  date.setUTCFullYear(year, month, day);
  if (date.getUTCMonth() !== month || date.getUTCDate() !== day) return NaN;
  return date.setUTCHours(hour, minute, second);
}
