import { parseArgs } from 'node:util';
import { SWEEP_MS } from '../../src/console/lib/verdict.ts';
import { hostOf } from '../../src/console/lib/subscriber-words.ts';
import { verdictOfSubscriber } from '../../src/console/views/subscribers/verdict.ts';
import { stateOf } from '../../src/console/views/subscribers/words.ts';
import type { ConsoleStatus, EndpointStatus } from '../../src/contracts/console-status.ts';
import { internalEndpoint } from '../../src/contracts/endpoints.ts';
import { publicHealth } from '../../src/contracts/health.ts';
import { problemDetails } from '../../src/contracts/problem.ts';
import type { SubscriberView } from '../../src/contracts/subscribers.ts';
import { getConsoleStatus } from '../../src/services/status.ts';
import { getSubscribers } from '../../src/services/subscribers.ts';
import { describeFailure } from './answered.ts';
import type { Command } from './command.ts';
import { say } from './say.ts';
import { signedIn } from './session.ts';
import { counted, formatTime, sentence } from './words.ts';

const HEALTH_TIMEOUT_MS = 30_000;
const LABELS = { ok: 'ok', warning: 'WARNING', failed: 'FAILED' } as const;
const LABEL_CHARACTERS = 9;
const STEP_CHARACTERS = 22;

/** The result of one step, and what to do about it. */
interface Seen {
  step: string;
  level: keyof typeof LABELS;
  seen: string;
  action?: string;
}

/** Probes the functions and, through them, the database, without signing in. */
async function askHealth(baseUrl: string): Promise<Seen> {
  const step = 'functions';
  try {
    const response = await fetch(`${baseUrl}/api/health`, {
      signal: AbortSignal.timeout(HEALTH_TIMEOUT_MS),
      redirect: 'manual',
    });
    const answer: unknown = await response.json().catch(() => undefined);
    if (response.ok && publicHealth.safeParse(answer).success) {
      return { step, level: 'ok', seen: `${baseUrl}/api/health answers, and the database behind it` };
    }
    const problem = problemDetails.safeParse(answer);
    return {
      step,
      level: 'failed',
      seen: `${baseUrl}/api/health answered ${response.status}${problem.success ? `, ${problem.data.title}` : ''}`,
      action: problem.success
        ? 'Run npm run doctor with the variables of the deployment: it names the fault.'
        : 'Something between answers in place of the functions: check the address, the deployment protection and the firewall.',
    };
  } catch {
    return {
      step,
      level: 'failed',
      seen: `${baseUrl} does not answer`,
      action: 'Check the address (WEBHOOK_BASE_URL at sign-in), the network and the state of the deployment.',
    };
  }
}

function lookAtSweep({ as_of, last_sweep }: ConsoleStatus): Seen {
  const isLate = last_sweep === null || Date.parse(as_of) - Date.parse(last_sweep) >= SWEEP_MS;
  return {
    step: 'sweep',
    level: isLate ? 'failed' : 'ok',
    seen: `the last sweep was ${formatTime(last_sweep)}`,
    ...(isLate && {
      action: 'Nothing is retried or taken over: repair the cron that calls /api/cron/sweep.',
    }),
  };
}

/** Judges one of our own endpoints by its last attempts. */
function lookAtEndpoint(endpoint: EndpointStatus): Seen {
  const { endpoint_id, circuit, last_success, last_failure, recent, recent_failed, waiting } = endpoint;
  const isFailing =
    last_failure !== null && (last_success === null || Date.parse(last_failure) > Date.parse(last_success));
  const isDown = circuit !== 'closed' || isFailing;
  return {
    step: endpoint_id,
    level: isDown ? 'failed' : recent_failed > 0 ? 'warning' : 'ok',
    seen: `circuit ${circuit.replace('_', '-')}; last success ${formatTime(last_success)}, last failure ${formatTime(last_failure)}; ${recent_failed} of ${recent} attempts failed in 5 minutes; ${counted(waiting)} waiting`,
    ...(isDown
      ? {
          action:
            'Results are stored, and only their confirmation is missing. Read the answers of the attempts in the console (Deliveries), and fix the endpoint.',
        }
      : recent_failed > 0 && {
          action:
            'Failed attempts are retried by their schedule. Read their answers in the console (Deliveries).',
        }),
  };
}

function lookAtRest({ dead, jobs, alerts }: ConsoleStatus): Seen[] {
  return [
    {
      step: 'dead letters',
      level: dead === 0 ? 'ok' : 'warning',
      seen: `${counted(dead)} wait for an operator`,
      ...(dead > 0 && { action: 'Fix the cause, then redrive them in the console (Deliveries).' }),
    },
    {
      step: 'jobs',
      level: jobs.overdue === 0 ? 'ok' : 'warning',
      seen:
        jobs.overdue === 0
          ? 'none is overdue'
          : `${counted(jobs.overdue)} are overdue, the oldest since ${formatTime(jobs.oldest)}`,
      ...(jobs.overdue > 0 && {
        action: 'The next sweep takes them over. If they stay, read the log of the functions.',
      }),
    },
    ...(alerts.firing.length === 0
      ? [{ step: 'alerts', level: 'ok', seen: 'none fires' } satisfies Seen]
      : []),
    ...alerts.firing.map(({ rule, subject, severity, fired_at }): Seen => ({
      step: 'alert',
      level: severity === 'critical' ? 'failed' : 'warning',
      seen: `${[rule, subject].filter(Boolean).join(' ')} fires since ${formatTime(fired_at)}`,
      action: `docs/operations.md has a section ${rule}.`,
    })),
  ];
}

/** Describes one subscriber in the words of the console. */
function lookAtSubscriber(subscriber: SubscriberView): Seen {
  const { tone, sentences } = verdictOfSubscriber(subscriber, undefined);
  return {
    step: subscriber.endpoint_id,
    level: tone === 'bad' ? 'failed' : tone === 'warn' ? 'warning' : 'ok',
    seen: `${hostOf(subscriber.settings.url)}: ${sentences.map(sentence).join(' ')}`,
    ...(tone !== 'good' &&
      stateOf(subscriber) !== 'removed' && {
        action: `npm run polaris -- endpoints check ${subscriber.endpoint_id}`,
      }),
  };
}

function print(steps: readonly Seen[]): void {
  for (const { step, level, seen, action } of steps) {
    say(`${LABELS[level].padEnd(LABEL_CHARACTERS)}${step.padEnd(STEP_CHARACTERS)}${seen}`);
    if (action !== undefined) say(`${' '.repeat(LABEL_CHARACTERS + STEP_CHARACTERS)}To do: ${action}`);
  }
}

export const probeCommand: Command = {
  forms: [''],
  summary: 'checks step by step whether results arrive, and names each fix',
  help: `Asks the functions, the database with your rights, and the API: health, last sweep, circuits and last attempts of our own endpoints,
dead letters, overdue jobs, alerts, and how each subscriber stands. It changes nothing. Exit status 1 where a step failed. npm run
doctor looks deeper, with the variables of the deployment.`,
  async run(args) {
    parseArgs({ args });
    const { client, api } = await signedIn();
    const steps = [await askHealth(api.baseUrl)];
    const status = await getConsoleStatus(client);
    if (status.error !== null) {
      steps.push({ step: 'database', level: 'failed', seen: describeFailure(status.error) });
    } else {
      steps.push(
        { step: 'database', level: 'ok', seen: 'it answers, and you are an operator' },
        lookAtSweep(status.data),
        ...status.data.endpoints
          .filter(({ endpoint_id }) => internalEndpoint.safeParse(endpoint_id).success)
          .map(lookAtEndpoint),
        ...lookAtRest(status.data),
      );
    }
    const subscribers = await getSubscribers(client, { withRemoved: false }, api);
    if (subscribers.error !== null) {
      steps.push({ step: 'API', level: 'failed', seen: describeFailure(subscribers.error) });
    } else {
      const { endpoints } = subscribers.data;
      steps.push(
        { step: 'API', level: 'ok', seen: `it answers you, and knows ${endpoints.length} subscribers` },
        ...endpoints.map(lookAtSubscriber),
      );
    }
    print(steps);
    const failed = steps.filter(({ level }) => level === 'failed').length;
    const warnings = steps.filter(({ level }) => level === 'warning').length;
    say(`probe: ${failed} failed, ${warnings} warnings, ${steps.length - failed - warnings} ok`);
    return failed === 0;
  },
};
