import { createHash } from 'node:crypto';
import type { Secrets } from './secrets.ts';
import type { SupabaseKeys } from './lite.ts';

/** How the functions reach Supabase, local or not. */
export type SupabaseAccess = { url: string } & Pick<SupabaseKeys, 'publishableKey' | 'secretKey'>;

/**
 * Variables passed on from the developer's environment: settings of the language model, and all tunable variables of the
 * functions.
 */
const PASSED_ON = [
  'STORE_DATABASE_URL',
  'LLM_BASE_URL',
  'LLM_API_KEY',
  'LLM_MODELS',
  'GENERATOR',
  'WEBHOOK_BASE_URL',
  'VERCEL_AUTOMATION_BYPASS_SECRET',
  'WEBHOOK_LEGACY_SECRET',
  'WEBHOOK_TIMEOUT_MS',
  'WEBHOOK_MAX_RETRIES',
  'SUBSCRIBER_HOSTS',
  'ENDPOINT_SECRETS_KEY',
  'PAUSE_MAX_DAYS',
  'JOB_LEASE_SECONDS',
  'JOB_DEADLINE_SECONDS',
  'JOB_MAX_TAKE_OVERS',
  'JOB_QUOTA_PER_USER',
  'JOBS_PER_USER_PER_DAY',
  'JOBS_PER_DAY',
  'REPORTLESS_JOBS',
  'CORS_ORIGINS',
  'METRICS_TOKEN',
  'ALERT_URLS',
  'ALERT_SECRET',
  'HEARTBEAT_URL',
  'RETENTION_AUDIT_DAYS',
  'RETENTION_PAYLOAD_DAYS',
  'RETENTION_JOB_DAYS',
];

/** The functions' environment. Their host sets WEBHOOK_BASE_URL, since it knows its port. */
export function functionEnv(
  supabase: SupabaseAccess,
  secrets: Pick<Secrets, 'webhookSecret' | 'pipelineApiKey' | 'cronSecret'>,
): Record<string, string> {
  return {
    SUPABASE_URL: supabase.url,
    SUPABASE_SECRET_KEY: supabase.secretKey,
    SUPABASE_PUBLISHABLE_KEY: supabase.publishableKey,
    WEBHOOK_SECRET: secrets.webhookSecret,
    PIPELINE_API_KEY: secrets.pipelineApiKey,
    CRON_SECRET: secrets.cronSecret,
    SUBSCRIBER_HOSTS: 'localhost 127.0.0.1',
    ENDPOINT_SECRETS_KEY: localEndpointKey(secrets),
  };
}

/** Derived from a secret in the data directory, so that stored secrets can still be decrypted after a restart. */
function localEndpointKey({ cronSecret }: Pick<Secrets, 'cronSecret'>): string {
  return `local:${createHash('sha256').update(`endpoint secrets\n${cronSecret}`).digest('base64')}`;
}

/** The variables of PASSED_ON that are set. */
export function passedOnEnv(): Record<string, string> {
  return Object.fromEntries(
    PASSED_ON.flatMap((name) => {
      const value = process.env[name];
      return value === undefined || value === '' ? [] : [[name, value] as const];
    }),
  );
}
