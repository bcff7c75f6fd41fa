import { setTimeout as sleep } from 'node:timers/promises';
import { waitUntil } from '@vercel/functions';
import type { ServerEnv } from '../contracts/env.ts';
import { parseAlertAddresses, splitList } from '../contracts/env-values.ts';
import { createFindUser } from './auth/users.ts';
import { systemClock } from './clock.ts';
import { readEnv } from './config/env.ts';
import { openStore } from './store/open-store.ts';
import type { Generate } from './generation/generate.ts';
import { fingerprintsOf } from './observe/alerts/fingerprint.ts';
import { createWatch } from './observe/alerts/watch-alerts.ts';
import { log } from './observe/log.ts';
import { deliveryLeaseSeconds } from './deliver/send-delivery.ts';
import { parseWebhookBaseUrls, siblingOf } from './deliver/own-deployment.ts';
import { sendToSubscribers } from './deliver/send-to-subscribers.ts';
import { parseWebhookSecret } from './deliver/secrets.ts';
import { parseEndpointKeys } from './deliver/subscribers/endpoint-secrets.ts';
import type { Outbound } from './deliver/subscribers/outbound.ts';
import type { SubscriberRules } from './deliver/subscribers/subscriber-url.ts';
import { parseBearerKeys } from './http/bearer.ts';
import { retryDeadSockets } from './http/dead-sockets.ts';

/** Sending starts when the answer has left: at the same moment on the same core, it would delay the answer. */
const AFTER_ANSWER_MS = 5;

/** All services of the endpoints. The only place that connects to the outside world. */
type Services = ReturnType<typeof createServices>;

export function createServices(env: ServerEnv) {
  const webhookKeys = parseWebhookSecret(env.WEBHOOK_SECRET);
  const webhookBaseUrls = parseWebhookBaseUrls(env.WEBHOOK_BASE_URL);
  const subscriberRules = {
    hosts: env.SUBSCRIBER_HOSTS,
    ownAddresses: [...webhookBaseUrls, env.SUPABASE_URL],
  };
  const endpointKeys =
    env.ENDPOINT_SECRETS_KEY === undefined ? [] : parseEndpointKeys(env.ENDPOINT_SECRETS_KEY);
  const alertKeys = env.ALERT_SECRET === undefined ? undefined : parseWebhookSecret(env.ALERT_SECRET);
  const services = {
    ...openStore({
      directUrl: env.STORE_DATABASE_URL,
      url: env.SUPABASE_URL,
      secretKey: env.SUPABASE_SECRET_KEY,
      fetch,
      monotonicNow: systemClock.monotonicNow,
      log,
    }),
    findUser: createFindUser({ url: env.SUPABASE_URL, publishableKey: env.SUPABASE_PUBLISHABLE_KEY }),
    generate: lazyGenerate(env),
    // The receiver recognises a repeated request: an event by its id, a take-over by its lease.
    fetch: retryDeadSockets(fetch),
    subscriberRules,
    outbound: lazyOutbound(subscriberRules),
    endpointKeys,
    pauseMaxDays: env.PAUSE_MAX_DAYS,
    log,
    waitUntil,
    ...systemClock,
    random: () => Math.random(),
    webhookKeys,
    verificationKeys: {
      keys: webhookKeys,
      ...(env.WEBHOOK_LEGACY_SECRET !== undefined && {
        legacySecrets: splitList(env.WEBHOOK_LEGACY_SECRET),
      }),
    },
    webhookBaseUrls,
    protectionBypass: env.VERCEL_AUTOMATION_BYPASS_SECRET,
    timeoutMs: env.WEBHOOK_TIMEOUT_MS,
    maxRetries: env.WEBHOOK_MAX_RETRIES,
    deliveryLeaseSeconds: deliveryLeaseSeconds(env.WEBHOOK_TIMEOUT_MS),
    pipelineApiKeys: parseBearerKeys(env.PIPELINE_API_KEY),
    cronSecrets: parseBearerKeys(env.CRON_SECRET),
    metricsTokens: env.METRICS_TOKEN === undefined ? null : parseBearerKeys(env.METRICS_TOKEN),
    jobLeaseSeconds: env.JOB_LEASE_SECONDS,
    jobDeadlineSeconds: env.JOB_DEADLINE_SECONDS,
    jobMaxTakeOvers: env.JOB_MAX_TAKE_OVERS,
    jobQuotaPerUser: env.JOB_QUOTA_PER_USER,
    jobsPerUserPerDay: env.JOBS_PER_USER_PER_DAY,
    jobsPerDay: env.JOBS_PER_DAY,
    reportlessJobs: env.REPORTLESS_JOBS,
    models: modelsOf(env),
    corsOrigins: new Set(env.CORS_ORIGINS),
    alertAddresses: env.ALERT_URLS === undefined ? [] : parseAlertAddresses(env.ALERT_URLS),
    alertKeys,
    heartbeatUrl: env.HEARTBEAT_URL,
    // Console and functions have the same address, except for the functions' prefix.
    consoleUrl: siblingOf(webhookBaseUrls[0], '').replace(/\/api$/, ''),
    secretFingerprints: {
      WEBHOOK_SECRET: fingerprintsOf('WEBHOOK_SECRET', webhookKeys),
      ...(alertKeys !== undefined && { ALERT_SECRET: fingerprintsOf('ALERT_SECRET', alertKeys) }),
      ...(endpointKeys.length > 0 && {
        ENDPOINT_SECRETS_KEY: fingerprintsOf(
          'ENDPOINT_SECRETS_KEY',
          endpointKeys.map(({ key }) => key),
        ),
      }),
    },
    retention: {
      auditDays: env.RETENTION_AUDIT_DAYS,
      payloadDays: env.RETENTION_PAYLOAD_DAYS,
      jobDays: env.RETENTION_JOB_DAYS,
    },
  };
  return {
    ...services,
    tellSubscribers: (...eventIds: string[]) => {
      waitUntil(sleep(AFTER_ANSWER_MS).then(() => sendToSubscribers(services, ...eventIds)));
    },
  };
}

/** The models that a job may choose, the default first; empty if no model generates. */
function modelsOf({ GENERATOR, LLM_MODELS }: ServerEnv): string[] {
  return GENERATOR === 'offline' ? [] : (LLM_MODELS ?? []);
}

/** Loaded by the first job that runs here: most functions never generate. */
function lazyGenerate(env: ServerEnv): Generate {
  return async (...parameters) => {
    const { createGenerate } = await import('./generation/create-generate.ts');
    return createGenerate(env)(...parameters);
  };
}

/** Loaded by the first call to a subscriber: most functions never make one, and undici takes 75 ms to load. */
function lazyOutbound(rules: SubscriberRules): Outbound {
  let made: Promise<Outbound> | undefined;
  return async (post) => {
    made ??= import('./deliver/subscribers/outbound.ts').then(({ createOutbound }) => createOutbound(rules));
    return (await made)(post);
  };
}

let made: Services | undefined;

/**
 * Created by the first request, so that a missing variable is named in the log of every request that fails because of it.
 * @throws {InvalidEnvironment} naming every variable that is missing or malformed
 */
export function services(): Services {
  return (made ??= createServices(readEnv(process.env)));
}

/** Runs after each answer of the function with this path below `/api`: see `createWatch`. */
export function watchFunction(name: string): () => void {
  let watch: (() => void) | undefined;
  return () => {
    try {
      watch ??= createWatch(services(), name);
    } catch {
      // A variable is missing or malformed: the handler has logged it, and nothing can be evaluated.
      return;
    }
    watch();
  };
}
