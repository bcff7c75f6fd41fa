import type { ServerEnv } from '../../contracts/env.ts';
import { CHECKS, fullHealth, type Finding, type FullHealth, type HeldRight } from '../../contracts/health.ts';
import { problemDetails } from '../../contracts/problem.ts';
import type { Clock } from '../clock.ts';
import { InvalidEnvironment, readEnv, trimmed } from '../config/env.ts';
import { classifyError } from '../deliver/classify-error.ts';
import { bypassHeaders, parseWebhookBaseUrls, siblingOf } from '../deliver/own-deployment.ts';
import { parseWebhookSecret } from '../deliver/secrets.ts';
import { parseEndpointKeys } from '../deliver/subscribers/endpoint-secrets.ts';
import { parseBearerKeys } from '../http/bearer.ts';
import { createDirectStore } from '../store/direct-store.ts';
import { inspect } from '../store/open-store.ts';
import { createRestStore } from '../store/rest-store.ts';
import { checkMigrations } from './check-facts.ts';
import { checkFromHere, checkVariables, checkWatch, skipped, variableFaults } from './check-deployment.ts';
import type { ProbeRealtime } from './probe-realtime.ts';

export interface DoctorOptions extends Clock {
  /** The deployment's variables. */
  source: Readonly<Record<string, string | undefined>>;
  fetch: typeof fetch;
  /** The versions of the migrations folder. */
  migrations: readonly string[];
  /** Compares these rights with those in supabase/sql; returns each difference in words. */
  compareRights: (rights: readonly HeldRight[]) => readonly string[];
  /** The regions in vercel.json. */
  regions: readonly string[];
  probeRealtime: ProbeRealtime;
}

/** Where a finding was made: by the doctor, or by the deployment about itself. */
export interface Diagnosis extends Finding {
  from: 'here' | 'deployment';
}

const TIMEOUT_MS = 15_000;

/** Checks a deployment from outside and, through its health check, from inside. Findings are returned, not thrown. */
export async function examine(options: DoctorOptions): Promise<Diagnosis[]> {
  let env: ServerEnv;
  try {
    env = readEnv(options.source);
  } catch (error) {
    if (!(error instanceof InvalidEnvironment)) throw error;
    const others = CHECKS.filter((check) => check !== 'variables').map((check) =>
      skipped(check, 'needs valid variables'),
    );
    return from('here', [...variableFaults(error.faults), ...others]);
  }
  const outside = await lookFromOutside(options, env);
  // Not in parallel: both measure the duration of database calls.
  const inside = await askInside(options, env);
  const diagnoses = [...from('here', outside), ...from('deployment', inside)];
  // Grouped by check; within a check, the doctor's findings first.
  return diagnoses.sort((a, b) => CHECKS.indexOf(a.check) - CHECKS.indexOf(b.check));
}

function from(place: Diagnosis['from'], findings: readonly Finding[]): Diagnosis[] {
  return findings.map((finding) => ({ ...finding, from: place }));
}

async function lookFromOutside(options: DoctorOptions, env: ServerEnv): Promise<Finding[]> {
  const { fetch, now, monotonicNow } = options;
  // Separate from the checks of the Data API, which is the fallback of the direct connection.
  const direct =
    env.STORE_DATABASE_URL === undefined
      ? undefined
      : createDirectStore({ url: env.STORE_DATABASE_URL, monotonicNow });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => direct?.close());
  const { facts, findings } = await checkFromHere({
    ...createRestStore({ url: env.SUPABASE_URL, secretKey: env.SUPABASE_SECRET_KEY, fetch }),
    inspectStore: direct && (async () => ({ next: 'direct', asked: await inspect(direct, monotonicNow) })),
    fetch,
    now,
    monotonicNow,
    clockName: 'this machine',
    endpointKeys: env.ENDPOINT_SECRETS_KEY === undefined ? [] : parseEndpointKeys(env.ENDPOINT_SECRETS_KEY),
    webhookKeys: parseWebhookSecret(env.WEBHOOK_SECRET),
    webhookBaseUrls: parseWebhookBaseUrls(env.WEBHOOK_BASE_URL),
    protectionBypass: env.VERCEL_AUTOMATION_BYPASS_SECRET,
    timeoutMs: TIMEOUT_MS,
  });
  const realtime =
    trimmed(options.source)['VITE_SUPABASE_REALTIME'] === 'off'
      ? skipped('realtime', 'VITE_SUPABASE_REALTIME is off')
      : await options.probeRealtime(env.SUPABASE_URL, env.SUPABASE_PUBLISHABLE_KEY);
  const found = [checkVariables(env), ...checkWatch(env), ...findings, realtime];
  if (facts === null) return found;
  return [
    ...found,
    checkMigrations(facts.migrations, options.migrations),
    checkRights(options.compareRights(facts.rights ?? [])),
  ];
}

const LISTED_RIGHTS = 10;

function checkRights(differences: readonly string[]): Finding {
  if (differences.length === 0) {
    return {
      check: 'rights',
      level: 'ok',
      message: 'all rights on our objects match supabase/sql',
    };
  }
  const more = differences.length - LISTED_RIGHTS;
  return {
    check: 'rights',
    level: 'failed',
    message: `${differences.length} rights differ from supabase/sql: ${differences.slice(0, LISTED_RIGHTS).join('; ')}${more > 0 ? `; and ${more} more` : ''}`,
    action:
      'Run the revoke and grant statements of the named files again (Supabase: SQL editor), and find out who changed the rights.',
  };
}

async function askInside(options: DoctorOptions, env: ServerEnv): Promise<Finding[]> {
  const url = siblingOf(parseWebhookBaseUrls(env.WEBHOOK_BASE_URL)[0], '/health');
  try {
    const response = await options.fetch(url, {
      headers: {
        authorization: `Bearer ${parseBearerKeys(env.CRON_SECRET)[0]}`,
        ...bypassHeaders({ protectionBypass: env.VERCEL_AUTOMATION_BYPASS_SECRET }),
      },
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const json: unknown = await response.json().catch(() => undefined);
    if (response.status === 200) {
      const health = fullHealth.safeParse(json);
      if (health.success) return [...health.data.findings, checkDeployedRegion(health.data, options.regions)];
    }
    return [insideFault(url, response.status, problemDetails.safeParse(json).data?.code)];
  } catch (error) {
    return [
      skipped(
        'address',
        `${url} could not be called (${classifyError(error).error}): the checks of the deployment itself are missing`,
      ),
    ];
  }
}

function insideFault(url: string, status: number, code: string | undefined): Finding {
  if (code === 'unauthorized') {
    return {
      check: 'variables',
      level: 'failed',
      message: `${url} rejects this CRON_SECRET: the value of the deployment differs or is malformed`,
      action: 'Set the same CRON_SECRET at Vercel and here, and deploy again.',
    };
  }
  // The ping to the same deployment reports the reason.
  return skipped('address', `${url} was answered ${status}: the checks of the deployment itself are missing`);
}

/** Whether the deployment runs in vercel.json's region. */
function checkDeployedRegion({ deployment: { region } }: FullHealth, regions: readonly string[]): Finding {
  if (region === null) return skipped('region', 'the deployment does not say its region');
  if (regions.includes(region)) {
    return { check: 'region', level: 'ok', message: `the deployment runs in ${region}, as vercel.json says` };
  }
  return {
    check: 'region',
    level: 'warning',
    message: `the deployment runs in ${region}, vercel.json says ${regions.join(', ')}`,
    action:
      'Deploy again: a change of regions needs a new deployment. vercel.json overrides a region in the project settings.',
  };
}
