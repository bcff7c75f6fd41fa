import { parseArgs } from 'node:util';
import { hostOf } from '../../src/console/lib/subscriber-words.ts';
import { countOf, verdictOfSubscriber } from '../../src/console/views/subscribers/verdict.ts';
import { stateOf, takesOf } from '../../src/console/views/subscribers/words.ts';
import type { Probe } from '../../src/contracts/endpoint-checks.ts';
import { subscriberId, type SubscriberView } from '../../src/contracts/subscribers.ts';
import { getConsoleStatus } from '../../src/services/status.ts';
import {
  checkSubscriber,
  getSubscriber,
  getSubscribers,
  pauseSubscriber,
  resumeSubscriber,
} from '../../src/services/subscribers.ts';
import { WrongUse } from '../local/wrong-use.ts';
import { answered } from './answered.ts';
import { columns } from './columns.ts';
import { onlyArgument, type Command } from './command.ts';
import { say } from './say.ts';
import { signedIn, type Operator } from './session.ts';
import { formatTime, sentence } from './words.ts';

/** When each endpoint last confirmed a delivery; null: not within its newest attempts. */
async function lastSuccesses({ client }: Operator): Promise<Map<string, string | null>> {
  const { endpoints } = await answered(getConsoleStatus(client));
  return new Map(endpoints.map(({ endpoint_id, last_success }) => [endpoint_id, last_success]));
}

function formatSuccess(at: string | null | undefined): string {
  return typeof at === 'string' ? formatTime(at) : 'not on record';
}

async function list(operator: Operator): Promise<boolean> {
  const { endpoints } = await answered(getSubscribers(operator.client, { withRemoved: false }, operator.api));
  if (endpoints.length === 0) {
    say('There are no subscribers.');
    return true;
  }
  const successes = await lastSuccesses(operator);
  say(
    ...columns(
      ['id', 'state', 'host', 'events', 'waiting', 'last success'],
      endpoints.map((each) => [
        each.endpoint_id,
        stateOf(each),
        hostOf(each.settings.url),
        takesOf(each.settings),
        countOf(each.waiting),
        formatSuccess(successes.get(each.endpoint_id)),
      ]),
    ),
  );
  return true;
}

function describe(subscriber: SubscriberView, lastSuccess: string | null | undefined): string[] {
  const { endpoint_id, settings, revision, revised_at, created_by, created_at, last_check } = subscriber;
  const { url, description, format_version, body, mode, rate_per_second, compression } = settings;
  const facts: [string, string][] = [
    ['URL', url],
    ['Description', description],
    ['Takes', takesOf(settings)],
    ['Sent as', `version ${format_version}, ${body} body, compression ${compression}`],
    ['Mode', mode === 'latest' ? 'only the newest event of those that wait for a report' : 'every event'],
    ['Rate', rate_per_second === null ? 'not limited' : `at most ${rate_per_second} a second`],
    ['Settings', `revision ${revision}, of ${formatTime(revised_at)}`],
    ['Created', `${formatTime(created_at)} by ${created_by}`],
  ];
  return [
    `${endpoint_id}, ${stateOf(subscriber)}`,
    ...verdictOfSubscriber(subscriber, lastSuccess).sentences.map((parts) => `  ${sentence(parts)}`),
    ...facts.filter(([, value]) => value !== '').map(([name, value]) => `  ${`${name}:`.padEnd(13)}${value}`),
    ...(last_check === null
      ? []
      : [
          `  Last check, ${formatTime(last_check.at)}: ${last_check.passed === null ? 'under way, or cut off' : last_check.passed ? 'passed' : 'failed'}`,
          ...describeProbes(last_check.probes ?? []),
        ]),
  ];
}

/** The result of each probe, and what to do about it. */
function describeProbes(probes: readonly Probe[]): string[] {
  return probes.flatMap(({ name, ok, detail, advice }) => [
    `  ${ok ? 'ok    ' : 'FAILED'}  ${name.padEnd(10)}  ${detail}`,
    ...(advice === null ? [] : [`${' '.repeat(22)}To do: ${advice}`]),
  ]);
}

/** Reads the subscriber's id in a form such as `show ID`. */
function readId(args: string[]): string {
  const id = onlyArgument('ID', parseArgs({ args, allowPositionals: true }).positionals);
  if (subscriberId.safeParse(id).success) return id;
  throw new WrongUse(`${id} is not an id of a subscriber (ep- and 16 of a-z 0-9).`);
}

type Form = (operator: Operator, id: string) => Promise<boolean>;

const ON_ONE: Readonly<Record<string, Form>> = {
  async show(operator, id) {
    const { endpoint } = await answered(getSubscriber(operator.client, id, operator.api));
    say(...describe(endpoint, (await lastSuccesses(operator)).get(id)));
    return true;
  },
  async pause({ client, api }, id) {
    const { endpoint } = await answered(pauseSubscriber(client, id, api));
    say(...describe(endpoint, undefined).slice(0, 3));
    return true;
  },
  async resume({ client, api }, id) {
    const { endpoint } = await answered(resumeSubscriber(client, id, api));
    const { waiting } = endpoint;
    say(
      `${id} is ${stateOf(endpoint)}. ${waiting === 0 ? 'Nothing waits for it.' : `Deliveries that wait for it go out slowly at first: ${countOf(waiting)}.`}`,
    );
    return true;
  },
  async check({ client, api }, id) {
    const { passed, probes, endpoint } = await answered(checkSubscriber(client, id, api));
    say(
      `${id}: the check has ${passed ? 'passed' : 'failed'}. It is ${stateOf(endpoint)}.`,
      ...describeProbes(probes),
    );
    return passed;
  },
};

export const endpointsCommand: Command = {
  forms: ['[list]', 'show ID', 'pause ID', 'resume ID', 'check ID'],
  summary: 'lists, shows, pauses, resumes and checks subscribers',
  help: `A check sends signed, forged, old, changed, repeated and large requests, and says what to correct; it may take a minute, and a host
is checked at most 5 times an hour. A subscriber that is paused loses nothing for PAUSE_MAX_DAYS. The console and the API also add,
change and remove subscribers.`,
  async run([form = 'list', ...args]) {
    if (form === 'list') {
      parseArgs({ args });
      return list(await signedIn());
    }
    const act = Object.hasOwn(ON_ONE, form) ? ON_ONE[form] : undefined;
    if (act === undefined) throw new WrongUse(`${form} is not an action of this command.`);
    const id = readId(args);
    return act(await signedIn(), id);
  },
};
