import { z } from 'zod';

const count = z.int().min(0);

/** Body of `POST /api/erase`: asks what an account holds, by its id or complete e-mail address, or erases it, by its id only. */
export const eraseRequest = z.union([
  z.strictObject({ find: z.union([z.guid(), z.email().max(320)]) }),
  z.strictObject({ user_id: z.guid() }),
]);

/** What an erasure of the account deletes, and what the platform's own columns hold, which our erasure does not touch. */
export const accountContent = z.object({
  user_id: z.guid(),
  /** Null: the account is deleted or has no address. */
  email: z.string().nullable(),
  has_account: z.boolean(),
  content: z.array(z.object({ what: z.string(), things: count })),
  kept: z.array(z.object({ place: z.string(), things: count })),
});
export type AccountContent = z.infer<typeof accountContent>;

/** Answer of an erasure. */
export const erasedAccount = z.object({
  user_id: z.guid(),
  /** False: other transactions hold the rest, which the next sweeps erase. */
  finished: z.boolean(),
  erased: z.array(z.object({ what: z.string(), things: count, left: count })),
  kept: accountContent.shape.kept,
});
export type ErasedAccount = z.infer<typeof erasedAccount>;
