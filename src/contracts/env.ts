import { z } from 'zod';
import { FUNCTION_SECONDS } from './constants.ts';
import { bearerKeys, headerText, serverAddress, signingKeys, webhookAddresses } from './env-values.ts';

const wholeNumber = (minimum: number, maximum: number) => z.coerce.number().int().min(minimum).max(maximum);

/**
 * What a job may take beside its generation and its sending, should the database be away at each of the worst moments: 13 s
 * to check the caller and commit the job, 33 s to commit its result (`completeJobPatiently`), 26 s to record what came of
 * the webhook (`directDatabaseUpdate`), and a little for the rest.
 */
const DATABASE_SECONDS = 75;
const DEADLINE_SECONDS = 200;

/** Every variable that the functions read. `env.example` explains each. */
export const serverEnv = z
  .object({
    SUPABASE_URL: serverAddress,
    /** A key of role service_role: a secret key (`sb_secret_…`) or the legacy service_role JWT. */
    SUPABASE_SECRET_KEY: headerText,
    SUPABASE_PUBLISHABLE_KEY: headerText,
    /** Several, separated by spaces: the first signs, all verify. */
    WEBHOOK_SECRET: signingKeys,
    WEBHOOK_LEGACY_SECRET: headerText.min(24, { error: 'must be at least 24 characters' }).optional(),
    /** Several, separated by spaces: tried in turn. */
    WEBHOOK_BASE_URL: webhookAddresses,
    /** Set by Vercel itself once Protection Bypass for Automation is on: lets our own calls pass Deployment Protection. */
    VERCEL_AUTOMATION_BYPASS_SECRET: headerText.optional(),
    WEBHOOK_TIMEOUT_MS: wholeNumber(100, 60_000).default(10_000),
    WEBHOOK_MAX_RETRIES: wholeNumber(0, 10).default(3),
    /** Several, separated by spaces: all are admitted. */
    PIPELINE_API_KEY: bearerKeys,
    /** Several, separated by spaces: our own calls use the first, all are admitted. */
    CRON_SECRET: bearerKeys,
    /** How long a runner may be silent before its job is taken over. */
    JOB_LEASE_SECONDS: wholeNumber(5, 600).default(60),
    /**
     * Generation ends after this long: its result is still to be committed, sent and recorded by the same function. 200, or
     * what WEBHOOK_TIMEOUT_MS leaves of them, unless it is set.
     */
    JOB_DEADLINE_SECONDS: wholeNumber(1, FUNCTION_SECONDS).optional(),
    /** A job whose runner was lost more often than this fails. */
    JOB_MAX_TAKE_OVERS: wholeNumber(0, 100).default(3),
    /** Unfinished jobs that one user may have at a time. */
    JOB_QUOTA_PER_USER: wholeNumber(1, 1000).default(5),
    /** Days that audit rows are kept. */
    RETENTION_AUDIT_DAYS: wholeNumber(1, 3650).default(90),
    /** Days that the content of superseded events is kept. */
    RETENTION_PAYLOAD_DAYS: wholeNumber(1, 3650).default(30),
    /** Days that finished jobs are kept; as long do idempotency keys hold. */
    RETENTION_JOB_DAYS: wholeNumber(1, 3650).default(90),
    LLM_BASE_URL: serverAddress.optional(),
    LLM_API_KEY: headerText.optional(),
    LLM_MODEL: z.string().min(1).optional(),
  })
  .refine((env) => (env.LLM_BASE_URL === undefined) === (env.LLM_MODEL === undefined), {
    error: 'LLM_BASE_URL and LLM_MODEL go together',
    path: ['LLM_MODEL'],
  })
  .transform((env, context) => {
    // A round of sending takes two time-outs at most.
    const longest = Math.floor(FUNCTION_SECONDS - DATABASE_SECONDS - (2 * env.WEBHOOK_TIMEOUT_MS) / 1000);
    const { JOB_DEADLINE_SECONDS = Math.min(DEADLINE_SECONDS, longest) } = env;
    if (JOB_DEADLINE_SECONDS > longest) {
      context.addIssue({
        code: 'custom',
        path: ['JOB_DEADLINE_SECONDS'],
        message:
          `must be at most ${longest} with this WEBHOOK_TIMEOUT_MS: two time-outs of sending, ` +
          `and ${DATABASE_SECONDS} s for the database, must fit into the ${FUNCTION_SECONDS} s of a function`,
      });
    }
    return { ...env, JOB_DEADLINE_SECONDS };
  });
export type ServerEnv = z.infer<typeof serverEnv>;
