import { z } from 'zod';
import { FUNCTION_SECONDS } from './constants.ts';
import {
  alertAddresses,
  bearerKeys,
  endpointSecretsKeys,
  headerText,
  headerTexts,
  heartbeatAddress,
  legacySecrets,
  parseAlertAddresses,
  projectAddress,
  serverAddress,
  signingKeys,
  splitList,
  storeAddress,
  webhookAddresses,
} from './env-values.ts';
import { browserOrigins } from './origins.ts';
import { allowsLoopback, subscriberHosts } from './subscriber-hosts.ts';

/** Digits only: `Number` would also accept 0x10 and 1e3, which here are typing errors. */
const wholeNumber = (minimum: number, maximum: number) =>
  z
    .string()
    .regex(/^\d+$/, { error: 'must be a whole number' })
    .transform(Number)
    .pipe(z.number().min(minimum).max(maximum));

const MODEL_NAME_CHARACTERS = 200;

/** One or more names of models, separated by spaces. */
const modelNames = headerTexts
  .transform(splitList)
  .refine((names) => names.every((name) => name.length <= MODEL_NAME_CHARACTERS), {
    error: `must be one or more names of models, separated by spaces, each of at most ${MODEL_NAME_CHARACTERS} characters`,
  });

/**
 * Time that a job needs beside generation and sending, in the worst case: the database is unavailable during every step. 13 s
 * to check the caller and commit the job, 33 s to commit its result (`completeJobPatiently`), 26 s to record the delivery
 * (`directDatabaseUpdate`), and a little for the rest.
 */
const DATABASE_SECONDS = 75;
const DEADLINE_SECONDS = 200;

/** Every variable that the functions read. `env.example` explains each. */
export const serverEnv = z
  .object({
    SUPABASE_URL: projectAddress,
    /** A service_role key: a secret key (`sb_secret_…`) or the legacy service_role JWT. */
    SUPABASE_SECRET_KEY: headerText,
    SUPABASE_PUBLISHABLE_KEY: headerText,
    /** PostgreSQL, as the role `polaris_store`. Unset: SQL functions are called through the Data API alone. */
    STORE_DATABASE_URL: storeAddress.optional(),
    /** Several, separated by spaces: the first one signs, and all verify. */
    WEBHOOK_SECRET: signingKeys,
    /** Several, separated by spaces: all verify. */
    WEBHOOK_LEGACY_SECRET: legacySecrets.optional(),
    /** Several, separated by spaces: tried in turn. */
    WEBHOOK_BASE_URL: webhookAddresses,
    /** Set by Vercel itself once Protection Bypass for Automation is on: lets our own calls pass Deployment Protection. */
    VERCEL_AUTOMATION_BYPASS_SECRET: headerText.optional(),
    WEBHOOK_TIMEOUT_MS: wholeNumber(100, 60_000).default(10_000),
    WEBHOOK_MAX_RETRIES: wholeNumber(0, 10).default(3),
    /** Hosts on which subscribers are allowed, separated by spaces. Unset: there are no subscribers. */
    SUBSCRIBER_HOSTS: subscriberHosts.default([]),
    /** Encrypts subscribers' secrets. Several, separated by spaces: the first one encrypts, and all decrypt. */
    ENDPOINT_SECRETS_KEY: endpointSecretsKeys.optional(),
    /** How many days a paused or unavailable subscriber loses nothing. It is warned 7 days before they end. */
    PAUSE_MAX_DAYS: wholeNumber(8, 365).default(30),
    /** Several, separated by spaces: all are accepted. */
    PIPELINE_API_KEY: bearerKeys,
    /** Several, separated by spaces: our own calls use the first, and all are accepted. */
    CRON_SECRET: bearerKeys,
    /** Several, separated by spaces: all are accepted. Unset: nobody can read the metrics. */
    METRICS_TOKEN: bearerKeys.optional(),
    /** How long a runner may be silent before its job is taken over. */
    JOB_LEASE_SECONDS: wholeNumber(5, 600).default(60),
    /**
     * Time limit of a generation. Its result must still be committed, sent and recorded by the same function, so the default
     * is what WEBHOOK_TIMEOUT_MS leaves, at most 200 s.
     */
    JOB_DEADLINE_SECONDS: wholeNumber(1, FUNCTION_SECONDS).optional(),
    /** A job that loses its runner more often than this fails. */
    JOB_MAX_TAKE_OVERS: wholeNumber(0, 100).default(3),
    /** Unfinished jobs per user. */
    JOB_QUOTA_PER_USER: wholeNumber(1, 1000).default(5),
    /**
     * Jobs per user, and by all callers together, within 24 hours. Each request counts the jobs of the day up to this limit:
     * for 100,000, the count takes up to 90 ms.
     */
    JOBS_PER_USER_PER_DAY: wholeNumber(1, 100_000).default(100),
    JOBS_PER_DAY: wholeNumber(1, 100_000).default(10_000),
    /** Who may request jobs without a report: nobody, the pipeline, or the pipeline and users. */
    REPORTLESS_JOBS: z.enum(['off', 'pipeline', 'users']).default('pipeline'),
    /** Exact origins of the pages that may call the job and the operator endpoints, separated by spaces. */
    CORS_ORIGINS: browserOrigins.default([]),
    /** Addresses for alerts, separated by spaces: if one fails, the next is tried. */
    ALERT_URLS: alertAddresses.optional(),
    /** Several, separated by spaces: the first one signs alerts. */
    ALERT_SECRET: signingKeys.optional(),
    /** Called by each successful sweep of the cron, for an external watch that notices missing sweeps. */
    HEARTBEAT_URL: heartbeatAddress.optional(),
    /** Days that audit rows are kept. */
    RETENTION_AUDIT_DAYS: wholeNumber(1, 3650).default(90),
    /** Days that the content of superseded events is kept. */
    RETENTION_PAYLOAD_DAYS: wholeNumber(1, 3650).default(30),
    /** Days that finished jobs are kept. Idempotency keys are kept as long. */
    RETENTION_JOB_DAYS: wholeNumber(1, 3650).default(90),
    LLM_BASE_URL: serverAddress.optional(),
    LLM_API_KEY: headerText.optional(),
    /** The models that a job may choose; the first is the default. */
    LLM_MODELS: modelNames.optional(),
    /** `offline`: demonstration texts are composed even if a language model is configured, and in production. */
    GENERATOR: z.enum(['offline']).optional(),
    /** `production`, `preview` or `development`: set by Vercel. */
    VERCEL_ENV: z.string().optional(),
  })
  .refine((env) => (env.LLM_BASE_URL === undefined) === (env.LLM_MODELS === undefined), {
    error: 'must be set together with LLM_BASE_URL',
    path: ['LLM_MODELS'],
  })
  .refine(
    ({ ALERT_URLS, ALERT_SECRET }) =>
      ALERT_SECRET !== undefined ||
      ALERT_URLS === undefined ||
      parseAlertAddresses(ALERT_URLS).every(({ form }) => form === 'slack'),
    {
      error: 'is required: alerts to ALERT_URLS other than Slack are signed with it',
      path: ['ALERT_SECRET'],
    },
  )
  .refine((env) => env.SUBSCRIBER_HOSTS.length === 0 || env.ENDPOINT_SECRETS_KEY !== undefined, {
    error: 'is required when SUBSCRIBER_HOSTS is set: it encrypts the secrets of subscribers',
    path: ['ENDPOINT_SECRETS_KEY'],
  })
  .refine(
    ({ SUBSCRIBER_HOSTS, VERCEL_ENV }) =>
      !allowsLoopback(SUBSCRIBER_HOSTS) || (VERCEL_ENV !== 'production' && VERCEL_ENV !== 'preview'),
    {
      error: 'must not list localhost, 127.0.0.1 or [::1]: these are for the local system only',
      path: ['SUBSCRIBER_HOSTS'],
    },
  )
  .transform((env, context) => {
    // A round of sending takes at most two time-outs.
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
