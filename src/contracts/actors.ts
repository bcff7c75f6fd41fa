import { z } from 'zod';

/** Who an id in the audit is. */
const actor = z.object({
  id: z.string(),
  email: z.string().nullable(),
  /** They are an operator now. */
  operator: z.boolean(),
});
export type Actor = z.infer<typeof actor>;

/** Operators, and people who have called their endpoints. */
export const actors = z.array(actor);
