const WEEKDAY = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)';
const MONTH = '(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)';
const TIME = '\\d\\d:\\d\\d:\\d\\d';

/** The three forms of an HTTP date (RFC 9110, section 5.6.7). `Date.parse` alone reads `1.5` as a day of the year 2001. */
const HTTP_DATES = [
  new RegExp(`^${WEEKDAY}, \\d\\d ${MONTH} \\d{4} ${TIME} GMT$`),
  new RegExp(`^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, \\d\\d-${MONTH}-\\d\\d ${TIME} GMT$`),
  new RegExp(`^${WEEKDAY} ${MONTH} [ \\d]\\d ${TIME} \\d{4}$`),
];

/**
 * The seconds to wait that a Retry-After header names, from 0 to the largest exact integer: whole seconds or an HTTP date
 * (RFC 9110, section 10.2.3). Null for anything else. How much of it is honoured, the database decides.
 * @param now milliseconds since the epoch
 */
export function parseRetryAfter(header: string | null, now: number): number | null {
  if (header === null) return null;
  const seconds = /^\d+$/.test(header) ? Number(header) : (parseHttpDate(header) - now) / 1000;
  if (Number.isNaN(seconds)) return null;
  return Math.min(Math.max(0, Math.ceil(seconds)), Number.MAX_SAFE_INTEGER);
}

/** Milliseconds since the epoch; NaN for what is no HTTP date. */
function parseHttpDate(text: string): number {
  if (!HTTP_DATES.some((form) => form.test(text))) return NaN;
  // The third form names no zone, and means GMT.
  return Date.parse(text.endsWith('GMT') ? text : `${text} GMT`);
}
