import { z } from 'zod';

/** A time given by a person: ISO 8601 with its offset. */
export const isoTime = z.iso.datetime({ offset: true });

/**
 * A time of a row, to the microsecond, as ISO 8601. Some REST layers write a column as PostgreSQL prints it:
 * `2026-01-01 00:00:00.123456+00`. Times outside of ISO 8601 (`infinity`, years BC or after 9999) keep PostgreSQL's form: rows of the
 * platform have them, and one odd row must not fail the whole list.
 */
export const rowTime = z
  .string()
  .transform((text) => {
    const isDateTime = /^\d{4}-\d\d-\d\d[ T]\d\d:.*[+-]\d\d(:\d\d)?$/.test(text);
    return isDateTime ? text.replace(' ', 'T').replace(/[+-]\d\d$/, '$&:00') : text;
  })
  // Without the JSON schema's format, which `infinity` does not match.
  .meta({ type: 'string', description: 'ISO 8601, to the microsecond' });

const DEFAULT_PAGE_ROWS = 50;
export const MAX_PAGE_ROWS = 200;

const TIME = /^(?:-?infinity|\d{4,6}-\d\d-\d\d[ T]\d\d:[\d:.]+(?:Z|[+-]\d\d(?::\d\d)?)(?: BC)?)$/;

/** The last row of a page: the next page begins after it. Return it unchanged, since its time is finer than a `Date`. */
const cursor = z.strictObject({
  at: z.string().regex(TIME),
  id: z.string().min(1).max(200),
});
export type Cursor = z.infer<typeof cursor>;

/** Parameters of every list: the number of rows, and where to begin. */
export const pageRequest = {
  limit: z.int().min(1).max(MAX_PAGE_ROWS).default(DEFAULT_PAGE_ROWS),
  cursor: cursor.nullish(),
};

/** One page of a list; `next` is null on the last one. */
export function pageOf<T extends z.ZodType>(row: T) {
  return z.object({ rows: z.array(row), next: cursor.nullable() });
}

/** A count that stops at 1,000, to bound its cost; `capped`: there are more. */
export const cappedCount = z.object({ count: z.int().min(0), capped: z.boolean() });
export type CappedCount = z.infer<typeof cappedCount>;
