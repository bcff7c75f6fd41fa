import { z } from 'zod';

/** Room for nanoseconds and an offset. PostgreSQL refuses much longer texts. */
const MAX_CHARACTERS = 40;
const FIRST = Date.parse('0001-01-01T00:00:00Z');
const LAST = Date.parse('9999-12-31T23:59:59.999Z');

/**
 * A caller's point in time: ISO 8601 with its offset, limited to what PostgreSQL accepts (offsets under 16 hours, years 1 to
 * 9999). Otherwise the database's refusal would look like a failure, and be retried for ever.
 */
export const timestamp = z.iso
  .datetime({ offset: true })
  .max(MAX_CHARACTERS)
  .refine((text) => !/[+-](?:1[6-9]|2\d):\d\d$/.test(text), { error: 'must have an offset under 16 hours' })
  .refine((text) => !text.startsWith('0000') && Date.parse(text) >= FIRST && Date.parse(text) <= LAST, {
    error: 'must lie in the years 1 to 9999',
  });
