import { z } from 'zod';

/** A time that a person hands in: ISO 8601 with its offset. */
export const isoTime = z.iso.datetime({ offset: true });

/**
 * A time that a row shows, to the microsecond, as ISO 8601; some REST layers write a column's as PostgreSQL does,
 * `2026-01-01 00:00:00.123456+00`. Times that ISO 8601 does not know (`infinity`, years before Christ or beyond 9999) stay the
 * words that PostgreSQL has for them: rows of the platform have them, and one odd row must not cost the whole list.
 */
export const rowTime = z
  .string()
  .transform((text) => {
    const isDateTime = /^\d{4}-\d\d-\d\d[ T]\d\d:.*[+-]\d\d(:\d\d)?$/.test(text);
    return isDateTime ? text.replace(' ', 'T').replace(/[+-]\d\d$/, '$&:00') : text;
  })
  // No format: `infinity` is none.
  .meta({ type: 'string', description: 'ISO 8601, to the microsecond' });

const DEFAULT_PAGE_ROWS = 50;
export const MAX_PAGE_ROWS = 200;

const TIME = /^(?:-?infinity|\d{4,6}-\d\d-\d\d[ T]\d\d:[\d:.]+(?:Z|[+-]\d\d(?::\d\d)?)(?: BC)?)$/;

/** The last row of a page, where the next begins. Hand it back unchanged: its time is finer than a `Date` holds, or none. */
const cursor = z.strictObject({
  at: z.string().regex(TIME),
  id: z.string().min(1).max(200),
});
export type Cursor = z.infer<typeof cursor>;

/** What every list takes: how many rows, and after which. */
export const pageRequest = {
  limit: z.int().min(1).max(MAX_PAGE_ROWS).default(DEFAULT_PAGE_ROWS),
  cursor: cursor.nullish(),
};

/** One page of a list; `next` is null where nothing follows. */
export function pageOf<T extends z.ZodType>(row: T) {
  return z.object({ rows: z.array(row), next: cursor.nullable() });
}

/** A count that stops at 1,000, since counting on would cost more than it tells; `capped`: there are more. */
export const cappedCount = z.object({ count: z.int().min(0), capped: z.boolean() });
export type CappedCount = z.infer<typeof cappedCount>;
