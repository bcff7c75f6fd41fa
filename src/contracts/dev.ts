import { z } from 'zod';

const account = z.object({ id: z.uuid(), email: z.email(), password: z.string() });

/** `$POLARIS_DATA_DIR/dev.json`: what clients of the local system need. It exists only while the system runs. */
export const devFile = z.object({
  url: z.url(),
  supabaseUrl: z.url(),
  databaseUrl: z.string(),
  /** STORE_DATABASE_URL of the functions; absent: they use REST alone. */
  storeDatabaseUrl: z.string().optional(),
  publishableKey: z.string(),
  secretKey: z.string(),
  webhookSecret: z.string(),
  pipelineApiKey: z.string(),
  cronSecret: z.string(),
  operator: account,
  user: account,
});
export type DevFile = z.infer<typeof devFile>;

/** The file for a project that is not on this machine, where `npm run dev` creates no accounts. */
export const projectDevFile = devFile.partial({ operator: true, user: true });
export type ProjectDevFile = z.infer<typeof projectDevFile>;
