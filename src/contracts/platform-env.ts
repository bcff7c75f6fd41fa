import { z } from 'zod';

/** What Vercel itself tells a deployment (Vercel: System environment variables). Nobody sets these; elsewhere they are unset. */
export const platformEnv = z.object({
  VERCEL_ENV: z.string().optional(),
  VERCEL_REGION: z.string().optional(),
  VERCEL_GIT_COMMIT_SHA: z.string().optional(),
});
