import type { Random } from '../../tools/chaos/random.ts';
import {
  characters,
  FILTER_FIELDS,
  MAX_FILTER_CHARACTERS,
  MAX_FILTER_NAMES,
  type Filter,
  type FilterScalar,
} from '../../src/contracts/filters.ts';
import type { FilterValue, FilterValues } from '../../src/server/deliver/filters/evaluate.ts';

/** JSON that keeps its spelling: objects are Maps and numbers are texts, so that nothing is rounded or renamed. */
export type Spelled = string | boolean | null | { number: string } | Spelled[] | Map<string, Spelled>;

const NAMES = [
  'a',
  'region',
  '__proto__',
  'constructor',
  '0',
  '$',
  '"',
  '\\',
  "'",
  ' ',
  '@',
  '*',
  'ü',
  '🚀',
  '\n',
  '\u2028',
  'a"b\\',
];
const LONG = 'x'.repeat(MAX_FILTER_CHARACTERS - 1);
const TEXTS = [
  '',
  'eu',
  'eu-west',
  'west',
  'e',
  'u',
  '"',
  '\\',
  '\\"',
  '$',
  '$.a',
  '^eu',
  'eu$',
  '.*',
  '.',
  '(',
  ')',
  '[a]',
  '{2}',
  '|',
  '+',
  '?',
  '***=eu',
  '(?i)eu',
  "'",
  '%',
  '@',
  'a\nb',
  '\n',
  'a\n',
  '\t',
  '\u0001',
  '\u001f',
  '\u007f',
  '\u2028',
  'é',
  'e\u0301',
  '🚀',
  '👩‍👩‍👧',
  'EU',
  '1',
  'true',
  'null',
  '__proto__',
  '\\u0041',
  '\\d',
  '#',
  '/',
  `${LONG}e`,
  `e${LONG}`,
  `eu${LONG}`,
  `${LONG}eu`,
  '🚀'.repeat(MAX_FILTER_CHARACTERS),
  '🚀'.repeat(MAX_FILTER_CHARACTERS + 1),
  'report.final.completed',
  'final',
  'completed',
  'webhook',
  'org',
];
const NUMBERS = [
  '0',
  '-0',
  '0.0',
  '1',
  '1.0',
  '1.00',
  '1e0',
  '10e-1',
  '-1',
  '100',
  '1e2',
  '1E+2',
  '0.1',
  '0.10',
  '1e-1',
  '0.10000000000000000001',
  '12345678901234567890',
  '123456789012345',
  '123456789012345.0',
  '123456789012345000000',
  '123456789012345000001',
  '9007199254740993',
  '1e63',
  `0.${'3'.repeat(63)}`,
  '2.5e-7',
  '0.00000025',
];
const WANTED = [0, -0, 1, -1, 100, 0.1, 123456789012345, 123456789012345000000, 1e63, 2.5e-7, 1e21];

function text(random: Random): string {
  const first = random.pick(TEXTS);
  return random.fraction() < 0.2 ? first + random.pick(TEXTS) : first;
}

function value(random: Random, depth: number): Spelled {
  const kind = random.fraction();
  if (kind < 0.35) return text(random);
  if (kind < 0.5) return { number: random.pick(NUMBERS) };
  if (kind < 0.58) return random.fraction() < 0.5;
  if (kind < 0.64) return null;
  if (kind < 0.72 || depth >= 6)
    return Array.from({ length: random.whole(0, 2) }, () => value(random, depth + 1));
  return object(random, depth + 1);
}

function object(random: Random, depth: number): Map<string, Spelled> {
  return new Map(
    Array.from({ length: random.whole(0, 6) }, () => [random.pick(NAMES), value(random, depth)]),
  );
}

/** A document as `private.filter_document()` makes it. */
export function randomDocument(random: Random): Map<string, Spelled> {
  const metadata = random.fraction();
  const members: [string, Spelled][] = [
    ['type', random.pick(['report.final.completed', 'report.prelim.failed', 'report.deleted'])],
    ['report_type', random.pick(['org', 'greeting'])],
    ['stage', random.pick(['prelim', 'final', null])],
    ['status', random.pick(['completed', 'failed', 'deleted'])],
    ['channel', random.pick(['webhook', 'owner', null])],
    ['metadata', metadata < 0.04 ? null : metadata < 0.06 ? [new Map([['a', 'eu']])] : object(random, 1)],
  ];
  return new Map(members);
}

/** A path, more often than not one that the document has. */
function path(random: Random, document: Map<string, Spelled>): string {
  if (random.fraction() < 0.15) return random.pick(FILTER_FIELDS);
  const names: string[] = [];
  let inner = document.get('metadata');
  const length = random.whole(1, MAX_FILTER_NAMES);
  while (names.length < length) {
    const known: string[] = inner instanceof Map ? [...inner.keys()] : [];
    const name = known.length > 0 && random.fraction() < 0.85 ? random.pick(known) : random.pick(NAMES);
    inner = inner instanceof Map ? inner.get(name) : undefined;
    names.push(name);
    if (names.length < length && !(inner instanceof Map) && random.fraction() < 0.7) break;
  }
  return `metadata.${names.join('.')}`;
}

function scalar(random: Random, at: string, values: FilterValues): FilterScalar {
  if (FILTER_FIELDS.some((field) => field === at))
    return values.get(at) === undefined ? 'final' : wantedText(random, values.get(at));
  const kind = random.fraction();
  const present = values.get(at);
  if (kind < 0.4) {
    if (typeof present === 'string' || typeof present === 'boolean') return present;
    if (present === null) return null;
    if (present !== undefined) {
      const number = Number(present.number);
      if (WANTED.includes(number)) return number;
    }
  }
  if (kind < 0.7) return wantedText(random, present);
  if (kind < 0.88) return random.pick(WANTED);
  return kind < 0.94 ? null : random.fraction() < 0.5;
}

function wantedText(random: Random, present: FilterValue | undefined): string {
  const found = typeof present === 'string' && random.fraction() < 0.5 ? present : text(random);
  return characters(found) <= MAX_FILTER_CHARACTERS ? found : 'eu';
}

function affix(random: Random, present: FilterValue | undefined, ofEnd: boolean): string {
  const points = Array.from(wantedText(random, present));
  const length = random.whole(1, Math.max(1, points.length));
  const part = ofEnd ? points.slice(-length) : points.slice(0, length);
  return part.join('') || 'e';
}

/** A filter that the schema accepts. */
export function randomFilter(random: Random, document: Map<string, Spelled>, depth = 1): Filter {
  const kind = random.fraction();
  const members = <T>(make: (path: string, values: FilterValues) => T): Record<string, T> => {
    const paths = Array.from({ length: random.fraction() < 0.2 ? 2 : 1 }, () => path(random, document));
    const values = valuesIn(document, paths);
    return Object.fromEntries(paths.map((each) => [each, make(each, values)]));
  };
  if (depth < 5 && kind < 0.4) {
    const parts = () =>
      Array.from({ length: random.whole(1, 3) }, () => randomFilter(random, document, depth + 1));
    if (kind < 0.13) return { any: parts() };
    if (kind < 0.24) return { all: parts() };
    return { not: randomFilter(random, document, depth + 1) };
  }
  const leaf = random.fraction();
  if (leaf < 0.45) return { exact: members((at, values) => scalar(random, at, values)) };
  if (leaf < 0.62) return { prefix: members((at, values) => affix(random, values.get(at), false)) };
  if (leaf < 0.8) return { suffix: members((at, values) => affix(random, values.get(at), true)) };
  return { exists: path(random, document) };
}

/** What a filter sees of a document, read plainly. */
export function valuesIn(document: Map<string, Spelled>, paths: readonly string[]): FilterValues {
  const values = new Map<string, FilterValue>();
  for (const at of paths) {
    let found: Spelled | undefined = document;
    for (const name of at.split('.')) found = found instanceof Map ? found.get(name) : undefined;
    if (found === undefined || Array.isArray(found) || found instanceof Map) continue;
    if (found === null && !at.includes('.')) continue;
    if (typeof found === 'string' && characters(found) > MAX_FILTER_CHARACTERS) continue;
    values.set(at, found);
  }
  return values;
}

export function printSpelled(spelled: Spelled): string {
  if (spelled instanceof Map) {
    return `{${[...spelled].map(([name, inner]) => `${JSON.stringify(name)}:${printSpelled(inner)}`).join(',')}}`;
  }
  if (Array.isArray(spelled)) return `[${spelled.map(printSpelled).join(',')}]`;
  return typeof spelled === 'object' && spelled !== null ? spelled.number : JSON.stringify(spelled);
}
