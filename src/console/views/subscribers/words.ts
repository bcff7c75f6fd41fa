import { plural } from '../../lib/format.ts';
import { labelOf } from '../../lib/label-of.ts';
import type { ShownSettings, SubscriberView } from '../../../contracts/subscribers.ts';
import type { Part } from '../../lib/verdict.ts';
import { shortType } from '../../lib/subscriber-words.ts';

/** How a subscriber stands, in one or two words; the states of its circuit are among them. */
export function stateOf({ state, circuit_open_since }: SubscriberView): string {
  return state === 'active' && circuit_open_since !== null ? 'circuit open' : state;
}

/** Why it is in its state, to follow “because”, except for an operator's decision; null: there is nothing to say. */
export function reasonOf({ state_reason }: Pick<SubscriberView, 'state_reason'>): string | null {
  switch (state_reason) {
    case null:
      return null;
    case 'operator':
      return 'by an operator';
    case 'gone':
      return 'it answered 410 (gone)';
    case 'failing':
      return 'its deliveries failed for days';
    case 'secret_unreadable':
      return 'its secret cannot be decrypted: a key is missing from ENDPOINT_SECRETS_KEY';
    case 'address_changed':
      return 'its URL has changed; a passed check resumes it';
    case 'never_verified':
      return 'it did not pass a check within 7 days';
    default:
      return labelOf(state_reason).toLowerCase();
  }
}

/** In which coding its bodies go out, and if not as its settings ask, why. */
export function compressionOf({ settings, compression, last_check }: SubscriberView): Part[] {
  const { in_use, refused_at } = compression;
  if (settings.compression === 'none') return ['none'];
  if (in_use !== null) return [`${in_use}, of bodies of 1 KB and more`];
  const unused = `${settings.compression}, but not in use: `;
  if (refused_at !== null) {
    return [
      `${unused}it refused a compressed body `,
      { at: refused_at },
      ' and accepted the same event uncompressed. Nothing is lost. Fix the receiver, then check it.',
    ];
  }
  const hasFailed = last_check?.probes?.some(({ name, ok }) => name === 'compressed' && !ok) ?? false;
  return [
    unused +
      (hasFailed
        ? 'the last check names the reason and the fix.'
        : 'no check has tested it yet. Check the subscriber.'),
  ];
}

/** What a subscriber takes, in short: `Final, org; filtered; also superseded`. */
export function takesOf({ events, filter }: ShownSettings): string {
  const { types, report_types, stages, statuses, owner_id, superseded } = events;
  const lists = [
    types?.map(shortType).join(', '),
    report_types?.map((type) => `${type} reports`).join(', '),
    stages?.map((stage) => `stage ${stage}`).join(', '),
    statuses?.map((status) => `status ${status}`).join(', '),
    owner_id !== undefined && 'one owner',
  ].filter((part) => typeof part === 'string');
  const parts = [
    lists.length === 0 ? 'every event' : lists.join('; '),
    filter !== null && `filter of ${plural(countClauses(filter), 'clause')}`,
    superseded && 'also superseded events',
  ].filter((part) => typeof part === 'string');
  return parts.join('; ');
}

/** Comparisons and `exists` in a filter, which has been checked before. */
function countClauses(value: unknown): number {
  if (Array.isArray(value)) return value.reduce<number>((sum, each) => sum + countClauses(each), 0);
  if (typeof value !== 'object' || value === null) return 0;
  return Object.entries(value).reduce((sum, [dialect, content]: [string, unknown]) => {
    if (dialect === 'exists') return sum + 1;
    if (dialect === 'any' || dialect === 'all' || dialect === 'not') return sum + countClauses(content);
    return sum + (typeof content === 'object' && content !== null ? Object.keys(content).length : 0);
  }, 0);
}

/** A setting that differs between two revisions. */
export interface SettingChange {
  name: string;
  before: string;
  after: string;
}

const EVENT_FIELDS = ['types', 'report_types', 'stages', 'statuses', 'owner_id', 'superseded'] as const;
const FIELDS = [
  'url',
  'description',
  'filter',
  'format_version',
  'body',
  'mode',
  'rate_per_second',
  'compression',
] as const;

/** What is different in `after`. */
export function changesBetween(before: ShownSettings, after: ShownSettings): SettingChange[] {
  const pairs: [string, unknown, unknown][] = [
    ...FIELDS.map((name): [string, unknown, unknown] => [name, before[name], after[name]]),
    ...EVENT_FIELDS.map((name): [string, unknown, unknown] => [
      name,
      before.events[name],
      after.events[name],
    ]),
  ];
  return pairs
    .map(([name, was, is]) => ({ name: labelOf(name), before: textOf(was), after: textOf(is) }))
    .filter((change) => change.before !== change.after);
}

/** A setting as text; what is not set is `any`. */
function textOf(value: unknown): string {
  if (value === undefined || value === null) return 'any';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value)) return value.toSorted().join(', ');
  if (typeof value === 'string') return value === '' ? 'empty' : value;
  return JSON.stringify(value);
}
