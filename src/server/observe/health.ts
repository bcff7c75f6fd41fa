import type { ServerEnv } from '../../contracts/env.ts';
import { bearerKeys } from '../../contracts/env-values.ts';
import {
  CHECKS,
  deploymentFacts,
  type Deployment,
  type Finding,
  type FullHealth,
} from '../../contracts/health.ts';
import { platformEnv } from '../../contracts/platform-env.ts';
import type { Clock } from '../clock.ts';
import { InvalidEnvironment, trimmed } from '../config/env.ts';
import { bearerToken, isOneOf, parseBearerKeys, type BearerKeys } from '../http/bearer.ts';
import { answer, problem, unavailable } from '../http/problem.ts';
import type { Log } from './log.ts';
import {
  checkFromHere,
  checkRegion,
  checkVariables,
  checkWatch,
  skipped,
  variableFaults,
  type Checker,
} from './check-deployment.ts';

export type HealthServices = Omit<Checker, 'clockName'>;

interface HealthOptions extends Clock {
  /** @throws {InvalidEnvironment} */
  services: () => HealthServices;
  /** @throws {InvalidEnvironment} */
  env: () => ServerEnv;
  /** The variables. CRON_SECRET is read separately if another variable is invalid. */
  source: Readonly<Record<string, string | undefined>>;
  log: Log;
}

/** How long the public result is cached, so that frequent requests cost the database nothing. */
const CACHE_MS = 5_000;

/**
 * `GET /api/health`: tells everyone whether the deployment is up (its variables are valid and its database answers), and with
 * CRON_SECRET everything that the deployment can find out about itself.
 */
export function createHealth(options: HealthOptions): (request: Request) => Promise<Response> {
  let known: { until: number; fault: Promise<'misconfigured' | 'database_unavailable' | null> } | undefined;

  async function look(): Promise<'misconfigured' | 'database_unavailable' | null> {
    try {
      await options.services().rpc('deployment_facts', {}, deploymentFacts);
      return null;
    } catch (error) {
      const isMisconfigured = error instanceof InvalidEnvironment;
      options.log('error', 'the health check failed', { error });
      return isMisconfigured ? 'misconfigured' : 'database_unavailable';
    }
  }

  async function showPublic(): Promise<Response> {
    if (known === undefined || options.monotonicNow() >= known.until) {
      known = { until: options.monotonicNow() + CACHE_MS, fault: look() };
    }
    switch (await known.fault) {
      case null:
        return answer({ status: 'up' });
      case 'database_unavailable':
        return unavailable();
      case 'misconfigured':
        return problem('misconfigured', { detail: 'The log of this function names each variable.' });
    }
  }

  return async (request) => {
    if (!request.headers.has('authorization')) return showPublic();
    const keys = cronSecretsOf(options.source);
    const token = bearerToken(request.headers);
    if (token === null || keys === null || !isOneOf(token, keys)) return problem('unauthorized');
    return answer(await lookInside(options));
  };
}

/** Null: CRON_SECRET itself is missing or malformed, so nobody can be accepted. */
function cronSecretsOf(source: HealthOptions['source']): BearerKeys | null {
  const keys = bearerKeys.safeParse(trimmed(source)['CRON_SECRET']);
  return keys.success ? parseBearerKeys(keys.data) : null;
}

async function lookInside(options: HealthOptions): Promise<FullHealth> {
  const deployment = deploymentOf(options.source);
  const base = { function_time: new Date(options.now()).toISOString(), deployment };
  try {
    const env = options.env();
    const checked = await checkFromHere({ ...options.services(), clockName: 'the deployment' });
    const findings = inOrder([
      checkVariables(env),
      ...checkWatch(env),
      ...checked.findings,
      ...(checked.facts === null
        ? []
        : [newestMigration(checked.facts.migrations), closedToAnon(checked.facts.rights)]),
      checkRegion(deployment, checked.databaseMs),
    ]);
    const isUp = checked.facts !== null;
    return { ...base, status: isUp ? 'up' : 'down', findings, store: checked.store, facts: checked.facts };
  } catch (error) {
    if (!(error instanceof InvalidEnvironment)) throw error;
    const others = CHECKS.filter((check) => check !== 'variables').map((check) =>
      skipped(check, 'needs valid variables'),
    );
    return { ...base, status: 'down', findings: [...variableFaults(error.faults), ...others], facts: null };
  }
}

function deploymentOf(source: HealthOptions['source']): Deployment {
  const { VERCEL_ENV, VERCEL_REGION, VERCEL_GIT_COMMIT_SHA } = platformEnv.parse(trimmed(source));
  return {
    environment: VERCEL_ENV ?? null,
    region: VERCEL_REGION ?? null,
    commit: VERCEL_GIT_COMMIT_SHA ?? null,
  };
}

function inOrder(findings: readonly Finding[]): Finding[] {
  return [...findings].sort((a, b) => CHECKS.indexOf(a.check) - CHECKS.indexOf(b.check));
}

/** A deployment does not contain the migrations folder: the doctor compares with it. */
function newestMigration(applied: readonly string[] | null): Finding {
  if (applied === null) return skipped('migrations', 'the database has no history; run npm run doctor');
  return {
    check: 'migrations',
    level: 'ok',
    message: `the newest migration is ${applied.at(-1) ?? 'none'}; npm run doctor compares all of them`,
  };
}

/** A deployment does not contain the stated rights either. It can check one rule: anon and public cannot reach `private`. */
function closedToAnon(rights: readonly { on: string; grantee: string; privilege: string }[] | null): Finding {
  const open = (rights ?? []).filter(
    ({ on, grantee }) => (grantee === 'anon' || grantee === 'public') && on.includes(' private.'),
  );
  if (open.length === 0) {
    return {
      check: 'rights',
      level: 'ok',
      message: 'anon has no right on private objects; npm run doctor compares all rights',
    };
  }
  return {
    check: 'rights',
    level: 'failed',
    message: `anon or public may ${open.map(({ on, privilege }) => `${privilege} on ${on}`).join(', ')}`,
    action: 'Run npm run doctor, which names the statement for each right.',
  };
}
