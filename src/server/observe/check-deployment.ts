import { z } from 'zod';
import type { ServerEnv } from '../../contracts/env.ts';
import {
  deploymentFacts,
  type Deployment,
  type DeploymentFacts,
  type Finding,
  type StoreHealth,
} from '../../contracts/health.ts';
import { stopwatch } from '../clock.ts';
import type { EnvFault } from '../config/env.ts';
import type { OwnDeployment } from '../deliver/own-deployment.ts';
import { parseBearerKeys } from '../http/bearer.ts';
import { SecretUnreadable, openSecret, type EndpointKeys } from '../deliver/subscribers/endpoint-secrets.ts';
import type { OpenStore } from '../store/open-store.ts';
import { SchemaMismatch } from '../store/store.ts';
import { checkStore } from './check-store.ts';
import { checkClocks, checkFacts, type Reading } from './check-facts.ts';
import { sendPing, type PingSender } from './send-ping.ts';

interface Checked {
  findings: Finding[];
  /** Null: the database did not answer. */
  facts: DeploymentFacts | null;
  store: StoreHealth;
}

export interface Checker extends OpenStore, PingSender, OwnDeployment {
  /** Whose clock `now` is from, for messages. */
  clockName: string;
  /** The keys of ENDPOINT_SECRETS_KEY. */
  endpointKeys: EndpointKeys;
}

/** Checks that a process makes by itself: its database, and its own address with a signed ping. */
export async function checkFromHere(checker: Checker): Promise<Checked & { databaseMs: number | null }> {
  const [database, pings] = await Promise.all([
    readFacts(checker),
    Promise.all(checker.webhookBaseUrls.map((base) => sendPing(checker, base))),
  ]);
  const readings: Reading[] = pings.flatMap(({ received }) => {
    if (received === undefined) return [];
    const { function_time, database_time } = received.answer;
    const reference = Date.parse(database_time);
    return [
      { name: checker.clockName, time: received.at, reference },
      { name: 'the deployment', time: Date.parse(function_time), reference },
    ];
  });
  const facts = 'facts' in database ? database.facts : null;
  const { finding: storeFinding, store } = await checkStore(checker.inspectStore);
  const subscribers =
    facts === null
      ? skipped('subscribers', 'the database did not answer')
      : await checkSubscribers(checker).catch(() =>
          skipped('subscribers', 'the database did not list the subscribers'),
        );
  if ('facts' in database) {
    readings.push({
      name: checker.clockName,
      time: database.at,
      reference: Date.parse(database.facts.database_time),
    });
  }
  return {
    facts,
    store,
    databaseMs: 'facts' in database ? database.fastestMs : null,
    findings: [
      ...pings.map(({ finding }) => finding),
      database.finding,
      storeFinding,
      readings.length === 0 ? skipped('clock', 'no clock could be read') : checkClocks(readings),
      ...(facts === null
        ? (
            [
              'migrations',
              'rights',
              'cron',
              'alerts',
              'connections',
              'indexes',
              'realtime',
              'accounts',
            ] as const
          ).map((check) => skipped(check, 'the database did not answer'))
        : checkFacts(facts)),
      subscribers,
    ],
  };
}

const MEASURED_CALLS = 5;
const NOBODY = '00000000-0000-0000-0000-000000000000';

type Database =
  | { finding: Finding; facts: DeploymentFacts; at: number; fastestMs: number }
  /** The database did not answer. */
  | { finding: Finding };

/** The fastest of several calls that cost the database nothing: the round-trip time, without other influences. */
async function measureCall({ rpc, monotonicNow }: Checker): Promise<number> {
  let fastestMs = Infinity;
  for (let call = 0; call < MEASURED_CALLS; call += 1) {
    const elapsed = stopwatch(monotonicNow);
    await rpc('user_is_operator', { p_user_id: NOBODY }, z.boolean());
    fastestMs = Math.min(fastestMs, elapsed());
  }
  return fastestMs;
}

async function readFacts(checker: Checker): Promise<Database> {
  const { rpc, now, monotonicNow } = checker;
  try {
    const { rights } = await rpc('deployment_facts', { p_with_rights: true }, deploymentFacts);
    const asked = now();
    const elapsed = stopwatch(monotonicNow);
    const facts = await rpc('deployment_facts', {}, deploymentFacts);
    const at = asked + elapsed() / 2;
    const fastestMs = await measureCall(checker);
    return {
      finding: {
        check: 'database',
        level: 'ok',
        message: `PostgreSQL ${facts.server_version} answers in ${fastestMs} ms`,
      },
      facts: { ...facts, rights },
      at,
      fastestMs,
    };
  } catch (error) {
    return { finding: databaseFault(error) };
  }
}

/** SQLSTATE of a REST layer that has not noticed yet that a function is gone. */
const UNDEFINED_FUNCTION = '42883';

function databaseFault(error: unknown): Finding {
  if (error instanceof SchemaMismatch || codeOf(error) === UNDEFINED_FUNCTION) {
    return {
      check: 'database',
      level: 'failed',
      message: 'the versions of the schema and the functions differ: the database lacks a SQL function',
      action: 'Apply the migrations of this version with: npx supabase db push.',
    };
  }
  const reason = error instanceof Error ? error.message : 'unknown error';
  return {
    check: 'database',
    level: 'failed',
    message: `the database did not answer as expected: ${reason}${causeOf(error)}`,
    action:
      'Check SUPABASE_URL and SUPABASE_SECRET_KEY (Supabase: Project settings, API keys), and whether the project is paused or overloaded (Supabase: Reports).',
  };
}

const cause = z.looseObject({ code: z.string().optional(), message: z.string().optional() });

function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? cause.safeParse(error.cause).data?.code : undefined;
}

/** Code and message behind a failed call, for an operator to look up. */
function causeOf(error: unknown): string {
  const found = error instanceof Error ? cause.safeParse(error.cause).data : undefined;
  const parts = [found?.code, found?.message].filter((part) => part !== undefined && part !== '');
  return parts.length === 0 ? '' : ` (${parts.join(': ')})`;
}

const subscriberSecrets = z.array(z.object({ endpoint_id: z.string(), sealed: z.array(z.string()) }));

/**
 * Whether subscribers' secrets can be decrypted. Findings name subscribers and keys, never secrets.
 * @throws {DatabaseUnavailable}
 */
async function checkSubscribers({
  rpc,
  endpointKeys,
}: Pick<Checker, 'rpc' | 'endpointKeys'>): Promise<Finding> {
  const subscribers = await rpc('subscriber_secrets', {}, subscriberSecrets);
  if (subscribers.length === 0) {
    return { check: 'subscribers', level: 'ok', message: 'there are no subscribers' };
  }
  const counted = `${subscribers.length} ${subscribers.length === 1 ? 'subscriber' : 'subscribers'}`;
  if (endpointKeys.length === 0) {
    return {
      check: 'subscribers',
      level: 'failed',
      message: `ENDPOINT_SECRETS_KEY is not set, and there are ${counted}: nothing can be sent to subscribers`,
      action:
        'Set ENDPOINT_SECRETS_KEY to the keys that sealed their secrets, deploy again, and resume those that are paused.',
    };
  }
  const unreadable = subscribers.flatMap(({ endpoint_id, sealed }) =>
    sealed.flatMap((secret) => faultOf(endpoint_id, secret) ?? []),
  );
  if (unreadable.length === 0) {
    return { check: 'subscribers', level: 'ok', message: `the secrets of ${counted} can be decrypted` };
  }
  return {
    check: 'subscribers',
    level: 'failed',
    message: `${unreadable.length} secrets cannot be decrypted: ${unreadable.slice(0, LISTED_SECRETS).join('; ')}${unreadable.length > LISTED_SECRETS ? '; …' : ''}`,
    action:
      'Put the lost key back into ENDPOINT_SECRETS_KEY and deploy again, or give each of these subscribers a new secret; then resume those that are paused.',
  };

  function faultOf(endpointId: string, sealed: string): string | undefined {
    try {
      openSecret(endpointKeys, endpointId, sealed);
      return undefined;
    } catch (error) {
      if (!(error instanceof SecretUnreadable)) throw error;
      return `${endpointId} (${error.message})`;
    }
  }
}

const LISTED_SECRETS = 10;

export function skipped(check: Finding['check'], message: string): Finding {
  return { check, level: 'skipped', message };
}

/** Conflicts between variables that are valid by themselves. */
export function checkVariables(env: Pick<ServerEnv, 'PIPELINE_API_KEY' | 'CRON_SECRET'>): Finding {
  const cron = parseBearerKeys(env.CRON_SECRET);
  if (parseBearerKeys(env.PIPELINE_API_KEY).some((key) => cron.includes(key))) {
    return {
      check: 'variables',
      level: 'warning',
      message: 'PIPELINE_API_KEY and CRON_SECRET share a key: the pipeline has the rights of the cron',
      action: 'Make a key for each: openssl rand -base64 32.',
    };
  }
  return {
    check: 'variables',
    level: 'ok',
    message: 'all required variables are set and well formed',
  };
}

/** Whether anyone would hear of an alert, and of missing sweeps. */
export function checkWatch(env: Pick<ServerEnv, 'ALERT_URLS' | 'HEARTBEAT_URL'>): Finding[] {
  const missing: Finding[] = [];
  if (env.ALERT_URLS === undefined) {
    missing.push({
      check: 'alerts',
      level: 'warning',
      message: 'ALERT_URLS is not set: alerts are sent to nobody',
      action: 'Set ALERT_URLS and ALERT_SECRET (docs/operations.md, Alerts), and deploy again.',
    });
  }
  if (env.HEARTBEAT_URL === undefined) {
    missing.push({
      check: 'alerts',
      level: 'warning',
      message: 'HEARTBEAT_URL is not set: nobody is alerted when sweeps, functions or the database stop',
      action:
        'Let a service outside of Vercel and Supabase expect a call each minute, set HEARTBEAT_URL to its address (docs/operations.md, Alerts), and deploy again.',
    });
  }
  return missing;
}

/** One finding for each variable that is missing or malformed. */
export function variableFaults(faults: readonly EnvFault[]): Finding[] {
  return faults.map(({ name, message }) => ({
    check: 'variables',
    level: 'failed',
    message: `${name}: ${message}`,
    action: `Set ${name} (env.example explains it), and deploy again: a changed variable needs a new deployment.`,
  }));
}

/** Calls within a region take a few milliseconds; between continents a tenth of a second, several times per webhook. */
const FAR_MS = 50;

/** Whether functions and database are close to each other. */
export function checkRegion({ region }: Deployment, databaseMs: number | null): Finding {
  if (region === null) return skipped('region', 'these functions do not run at Vercel');
  if (databaseMs === null) return skipped('region', 'the database did not answer');
  const message = `functions run in ${region}; a database call takes ${databaseMs} ms (the fastest of ${MEASURED_CALLS})`;
  if (databaseMs <= FAR_MS) return { check: 'region', level: 'ok', message };
  return {
    check: 'region',
    level: 'warning',
    message,
    action:
      'Set regions in vercel.json to the region of the database (Supabase: Project settings, General; such as fra1 for eu-central-1, iad1 for us-east-1), and deploy again.',
  };
}
