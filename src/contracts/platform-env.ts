import { z } from 'zod';

/** Variables that Vercel sets itself (System environment variables). Elsewhere they are unset. */
export const platformEnv = z.object({
  VERCEL_ENV: z.string().optional(),
  VERCEL_REGION: z.string().optional(),
  VERCEL_GIT_COMMIT_SHA: z.string().optional(),
});
