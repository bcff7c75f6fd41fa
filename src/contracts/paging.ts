import { z } from 'zod';

/**
 * A time with its offset, to the microsecond where the database gives it. A column's may come as PostgreSQL writes it
 * (`2026-11-25 04:05:24.2447+00`, which the local REST layer hands on): it becomes ISO 8601.
 */
export const isoTime = z
  .string()
  .transform((text) => text.replace(/^(\d{4}-\d\d-\d\d) (\d\d:.*[+-]\d\d)$/, '$1T$2:00'))
  .pipe(z.iso.datetime({ offset: true }));

/** The same in a row of a table: some REST layers write it as PostgreSQL does, `2026-01-01 00:00:00.123456+00`. */
export const rowTime = z
  .string()
  .transform((time) => time.replace(' ', 'T').replace(/[+-]\d\d$/, '$&:00'))
  .pipe(isoTime);

export const DEFAULT_PAGE_ROWS = 50;
export const MAX_PAGE_ROWS = 200;

/** Counting more rows than this would cost more than it tells: a total stops here. */
export const MAX_COUNTED = 1000;

/** The last row of a page, where the next begins. Hand it back unchanged: its time is finer than a `Date` holds. */
export const cursor = z.strictObject({ at: isoTime, id: z.string().min(1).max(200) });
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

/** A count that stops at MAX_COUNTED; `capped`: there are more. */
export const cappedCount = z.object({ count: z.int().min(0), capped: z.boolean() });
export type CappedCount = z.infer<typeof cappedCount>;
