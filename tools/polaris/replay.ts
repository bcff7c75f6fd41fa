import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { hostOf, shortType } from '../../src/console/lib/subscriber-words.ts';
import { describePreview, describeReplay, nameOfReplay } from '../../src/console/views/replays/words.ts';
import type { Cursor } from '../../src/contracts/paging.ts';
import { planQuery, replayFilter, replayRequest, type Plan } from '../../src/contracts/plans.ts';
import { applyPlan, cancelPlan, getPlans, proposeReplay } from '../../src/services/plans.ts';
import { getSubscribers } from '../../src/services/subscribers.ts';
import { WrongUse } from '../local/wrong-use.ts';
import { answered } from './answered.ts';
import { columns } from './columns.ts';
import { onlyArgument, type Command } from './command.ts';
import { say } from './say.ts';
import { signedIn, type Operator } from './session.ts';
import { formatTime } from './words.ts';

const KINDS = ['replay', 'start'] as const;
const PAGE_ROWS = 200;

const shownFilter = z.looseObject({ endpoint_ids: z.array(z.string()).optional().catch(undefined) });

/** Describes a replay: its preview, or its progress. */
function describe(plan: Plan): string[] {
  const { id, kind, name, status, reason, filter, actor, created_at, applied_at, finished_at, preview } =
    plan;
  const about = Object.entries(shownFilter.parse(filter)).map(
    ([member, value]) => `${member} ${Array.isArray(value) ? value.join(', ') : JSON.stringify(value)}`,
  );
  return [
    `${kind} ${id}, ${status}: ${name}`,
    `  ${describeReplay(plan)}`,
    `  By ${actor}, ${formatTime(created_at)}, because: ${reason}`,
    ...(applied_at === null ? [] : [`  Applied ${formatTime(applied_at)}.`]),
    ...(finished_at === null ? [] : [`  Ended ${formatTime(finished_at)}.`]),
    `  Of: ${about.join('; ')}`,
    ...(preview === null
      ? []
      : [
          status === 'proposed' ? '  Preview:' : '  Preview at the time of the proposal:',
          ...describePreview(preview).map((text) => `    ${text}`),
          ...columns(
            ['event', 'type', 'report', 'subscriber', 'applied'],
            preview.samples.map((sample) => [
              sample.event_id,
              shortType(sample.type),
              `${sample.report_type} ${sample.report_id}`,
              sample.endpoint_id,
              formatTime(sample.applied_at),
            ]),
          ).map((line) => `    ${line}`),
        ]),
  ];
}

/** Reads the operator's list page by page until `isEnough`. */
async function readPlans(
  { client }: Operator,
  isEnough: (plans: readonly Plan[]) => boolean,
): Promise<Plan[]> {
  const plans: Plan[] = [];
  let cursor: Cursor | null = null;
  do {
    const page: { rows: Plan[]; next: Cursor | null } = await answered(
      getPlans(client, { limit: PAGE_ROWS, cursor, kinds: [...KINDS] }),
    );
    plans.push(...page.rows);
    cursor = page.next;
  } while (cursor !== null && !isEnough(plans));
  return plans;
}

const PROPOSAL = {
  endpoint: { type: 'string', multiple: true },
  from: { type: 'string' },
  to: { type: 'string' },
  'report-type': { type: 'string' },
  report: { type: 'string' },
  type: { type: 'string', multiple: true },
  event: { type: 'string', multiple: true },
  version: { type: 'string' },
  rate: { type: 'string' },
  reason: { type: 'string' },
} as const;

/** The option for each member of the request, for error messages. */
const OPTION_OF: Readonly<Record<string, string>> = {
  endpoint_ids: '--endpoint',
  from: '--from',
  to: '--to',
  report_type: '--report-type',
  report_id: '--report',
  types: '--type',
  event_ids: '--event',
  format_version: '--version',
  rate_per_second: '--rate',
  reason: '--reason',
};

function readProposal(args: string[]) {
  const { values } = parseArgs({ args, options: PROPOSAL });
  if (values.endpoint === undefined || values.reason === undefined) {
    throw new WrongUse('--endpoint and --reason are needed.');
  }
  if (values.rate !== undefined && !/^\d+$/.test(values.rate)) {
    throw new WrongUse('--rate: must be a whole number of deliveries a second');
  }
  const members = {
    endpoint_ids: values.endpoint,
    from: values.from,
    to: values.to,
    report_type: values['report-type'],
    report_id: values.report,
    types: values.type,
    event_ids: values.event,
    format_version: values.version,
    rate_per_second: values.rate === undefined ? undefined : Number(values.rate),
  };
  const schema = z.object({ filter: replayFilter, reason: replayRequest.shape.reason });
  const parsed = schema.safeParse({
    filter: Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)),
    reason: values.reason,
  });
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => {
    const member = String(path[0] === 'filter' ? (path[1] ?? '') : path[0]);
    return `${OPTION_OF[member] ?? member}: ${message}`;
  });
  throw new WrongUse(faults.join('\n'));
}

async function propose(args: string[]): Promise<boolean> {
  const { filter, reason } = readProposal(args);
  const { client, api } = await signedIn();
  const { endpoints } = await answered(getSubscribers(client, { withRemoved: false }, api));
  const unknown = filter.endpoint_ids.find((id) => !endpoints.some(({ endpoint_id }) => endpoint_id === id));
  if (unknown !== undefined) {
    throw new Error(`There is no subscriber ${unknown}. npm run polaris -- endpoints lists them.`);
  }
  const hosts = endpoints
    .filter(({ endpoint_id }) => filter.endpoint_ids.includes(endpoint_id))
    .map(({ settings }) => hostOf(settings.url));
  const request = {
    request_id: randomUUID(),
    kind: 'replay' as const,
    name: nameOfReplay(hosts, filter),
    reason,
    filter,
  };
  const { plan } = await answered(proposeReplay(client, request, api));
  say(...describe(plan));
  if (plan.status === 'proposed') say('', `Begin it: npm run polaris -- replay apply ${plan.id}`);
  return true;
}

function readId(args: string[]): string {
  const id = onlyArgument('ID', parseArgs({ args, allowPositionals: true }).positionals);
  if (planQuery.safeParse({ plan: id }).success) return id;
  throw new WrongUse(`${id} is not an id of a replay (a number).`);
}

type Form = (args: string[]) => Promise<boolean>;

const FORMS: Readonly<Record<string, Form>> = {
  async list(args) {
    parseArgs({ args });
    const plans = await readPlans(await signedIn(), () => true);
    if (plans.length === 0) say('There are no replays.');
    else {
      say(
        ...columns(
          ['id', 'kind', 'status', 'made due', 'of', 'proposed', 'name'],
          plans.map(({ id, kind, status, outcomes, total, preview, created_at, name }) => [
            id,
            kind,
            status,
            String(outcomes.planned),
            String(total ?? preview?.deliveries ?? '?'),
            formatTime(created_at),
            name,
          ]),
        ),
      );
    }
    return true;
  },
  async show(args) {
    const id = readId(args);
    const operator = await signedIn();
    const isIt = (plan: Plan) => plan.id === id;
    const plan = (await readPlans(operator, (plans) => plans.some(isIt))).find(isIt);
    if (plan === undefined)
      throw new Error(`There is no replay ${id}. npm run polaris -- replay list shows them.`);
    say(...describe(plan));
    return true;
  },
  propose,
  async apply(args) {
    const id = readId(args);
    const { client, api } = await signedIn();
    const { plan } = await answered(applyPlan(client, id, api));
    say(...describe(plan).slice(0, 2));
    if (plan.status === 'running') {
      say(`  The replay continues in the background: npm run polaris -- replay show ${plan.id}`);
    }
    return true;
  },
  async cancel(args) {
    const id = readId(args);
    const { client, api } = await signedIn();
    const { plan } = await answered(cancelPlan(client, id, api));
    say(...describe(plan).slice(0, 2));
    return true;
  },
};

export const replayCommand: Command = {
  forms: [
    '[list]',
    'show ID',
    'propose --endpoint ID … --reason TEXT [--from TIME] [--to TIME] [--report-type TYPE] [--report ID] [--type TYPE …] [--event ID …] [--version DATE] [--rate N]',
    'apply ID',
    'cancel ID',
  ],
  summary: 'sends past events to subscribers again, by a plan that is proposed first',
  help: `A proposal sends nothing: it prints the count, the bytes, the duration, how many were confirmed already, and samples. A TIME is
ISO 8601 with an offset (2026-11-26T08:00:00Z) and is compared with when an event took effect; without --to, up to when the replay is
applied. --version is a format version instead of each subscriber's own; --rate is deliveries a second, of all subscribers together.
What has several values is repeated: --endpoint ep-… --endpoint ep-….`,
  async run([name = 'list', ...args]) {
    const form = Object.hasOwn(FORMS, name) ? FORMS[name] : undefined;
    if (form === undefined) throw new WrongUse(`${name} is not an action of this command.`);
    return form(args);
  },
};
