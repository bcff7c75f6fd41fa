import { z } from 'zod';

const count = z.int().min(0);

/** Body of `POST /api/erase`: what an account holds, by its id or its whole e-mail address; or erase it, by its id alone. */
export const eraseRequest = z.union([
  z.strictObject({ find: z.union([z.guid(), z.email().max(320)]) }),
  z.strictObject({ user_id: z.guid() }),
]);

/** What of an account an erasure takes, and what the platform's own columns hold, which no erasure of ours empties. */
export const accountContent = z.object({
  user_id: z.guid(),
  /** Null: the account is deleted, or has no address. */
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
