import { z } from 'zod';
import { isField, type Filter, type FilterScalar } from '../../../contracts/filters.ts';
import { cut } from '../../http/issues.ts';
import { trimEndOf } from '../../../contracts/trim-end.ts';

/** A value of an event as a filter sees it. Numbers are texts, since JavaScript would round them. */
export type FilterValue = string | boolean | null | { number: string };
/** Values by path, without absent members. */
export type FilterValues = ReadonlyMap<string, FilterValue>;

export interface Decision {
  matches: boolean;
  /** Path of the clause in the filter, such as `all.1.exact.metadata.region`; empty for the whole filter. */
  decided_by: string;
  /** An explanation in one sentence. */
  explanation: string;
}

/** Answer of `private.filter_values()`: one entry per path, in the order asked. */
export const filterValuesAnswer = z.array(
  z.tuple([z.enum(['string', 'number', 'boolean', 'null']), z.string().nullable()]).nullable(),
);

/** The paths that a filter reads, to be asked from `private.filter_values()`. */
export function pathsOf(filter: Filter): string[] {
  const paths = new Set<string>();
  const visit = (inner: Filter): void => {
    if ('exists' in inner) paths.add(inner.exists);
    else if ('not' in inner) visit(inner.not);
    else if ('any' in inner) inner.any.forEach(visit);
    else if ('all' in inner) inner.all.forEach(visit);
    else for (const path of Object.keys(Object.values(inner)[0] ?? {})) paths.add(path);
  };
  visit(filter);
  return [...paths];
}

export function readFilterValues(
  paths: readonly string[],
  answer: z.infer<typeof filterValuesAnswer>,
): FilterValues {
  const values = new Map<string, FilterValue>();
  for (const [index, path] of paths.entries()) {
    const [type, text] = answer[index] ?? [];
    // A null field is absent: an event without a stage has none. A null in the metadata is a value.
    if (type === undefined || (type === 'null' && isField(path))) continue;
    values.set(path, valueOf(type, text ?? ''));
  }
  return values;
}

function valueOf(type: 'string' | 'number' | 'boolean' | 'null', text: string): FilterValue {
  switch (type) {
    case 'string':
      return text;
    case 'number':
      return { number: text };
    case 'boolean':
      return text === 'true';
    case 'null':
      return null;
  }
}

/**
 * Decides as the compiled filter does in SQL, and returns the deciding clause with an explanation. SQL decides about
 * deliveries; this only explains.
 */
export function evaluateFilter(filter: Filter, values: FilterValues): Decision {
  const { matches, at, fact } = decide(filter, values, []);
  return {
    matches,
    decided_by: at.join('.'),
    explanation: `${matches ? 'Matches' : 'Does not match'}: ${fact}.`,
  };
}

interface Decided {
  matches: boolean;
  at: (string | number)[];
  /** An explanation that stays correct if `not` inverts the clause. */
  fact: string;
}

function decide(filter: Filter, values: FilterValues, at: (string | number)[]): Decided {
  if ('exact' in filter) return decideMembers('exact', filter.exact, isExactly, values, at);
  if ('prefix' in filter) return decideMembers('prefix', filter.prefix, beginsWith, values, at);
  if ('suffix' in filter) return decideMembers('suffix', filter.suffix, endsWith, values, at);
  if ('exists' in filter) {
    const matches = values.has(filter.exists);
    return {
      matches,
      at: [...at, 'exists'],
      fact: matches ? `${filter.exists} exists` : absent(filter.exists),
    };
  }
  if ('not' in filter) {
    const inner = decide(filter.not, values, [...at, 'not']);
    return { ...inner, matches: !inner.matches };
  }
  const isAny = 'any' in filter;
  const place = [...at, isAny ? 'any' : 'all'];
  const parts = (isAny ? filter.any : filter.all).map((part, index) =>
    decide(part, values, [...place, index]),
  );
  return combine(isAny, parts, place);
}

/** The first clause that decides alone; if there is none, all of them. */
function combine(isAny: boolean, parts: Decided[], at: (string | number)[]): Decided {
  const deciding = parts.find(({ matches }) => matches === isAny);
  if (deciding !== undefined) return deciding;
  const [first] = parts;
  if (first !== undefined && parts.length === 1) return first;
  const fact = isAny ? `none of the ${parts.length} clauses matches` : `all ${parts.length} clauses match`;
  return { matches: !isAny, at, fact };
}

function decideMembers<T extends FilterScalar>(
  dialect: string,
  members: Record<string, T>,
  compare: (value: FilterValue, wanted: T) => { matches: boolean; fact: string },
  values: FilterValues,
  at: (string | number)[],
): Decided {
  const parts = Object.entries(members).map(([path, wanted]): Decided => {
    const value = values.get(path);
    const place = [...at, dialect, path];
    if (value === undefined) return { matches: false, at: place, fact: absent(path) };
    const { matches, fact } = compare(value, wanted);
    return { matches, at: place, fact: `${path} ${fact}` };
  });
  return combine(false, parts, [...at, dialect]);
}

function absent(path: string): string {
  return isField(path)
    ? `${path} is absent`
    : `${path} is absent: missing, an object, an array, or too long to be compared`;
}

function isExactly(value: FilterValue, wanted: FilterScalar): { matches: boolean; fact: string } {
  const matches =
    typeof value === 'object' && value !== null
      ? typeof wanted === 'number' && plainNumber(value.number) === plainNumber(String(wanted))
      : value === wanted;
  return { matches, fact: matches ? `is ${shown(value)}` : `is ${shown(value)}, not ${shown(wanted)}` };
}

function beginsWith(value: FilterValue, wanted: string): { matches: boolean; fact: string } {
  const matches = typeof value === 'string' && value.startsWith(wanted);
  return affixed(value, matches, `begin${matches ? 's' : ''} with ${shown(wanted)}`);
}

function endsWith(value: FilterValue, wanted: string): { matches: boolean; fact: string } {
  const matches = typeof value === 'string' && value.endsWith(wanted);
  return affixed(value, matches, `end${matches ? 's' : ''} with ${shown(wanted)}`);
}

function affixed(value: FilterValue, matches: boolean, words: string): { matches: boolean; fact: string } {
  if (matches) return { matches, fact: words };
  const fact =
    typeof value === 'string' ? `is ${shown(value)}, which does not ${words}` : `is ${shown(value)}, no text`;
  return { matches, fact };
}

const SHOWN_CHARACTERS = 80;

function shown(value: FilterValue | FilterScalar): string {
  if (typeof value === 'string') return JSON.stringify(cut(value, SHOWN_CHARACTERS));
  return typeof value === 'object' && value !== null ? cut(value.number, SHOWN_CHARACTERS) : String(value);
}

/** Normalizes a number: `1.0`, `10e-1` and `1` become `1e0`. */
function plainNumber(text: string): string {
  const [, sign = '', whole = '', decimals = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([-+]?\d+))?$/.exec(text) ?? [];
  const digits = (whole + decimals).replace(/^0+/, '');
  const significant = trimEndOf(digits, '0');
  if (significant === '') return '0';
  return `${sign}${significant}e${Number(exponent) - decimals.length + digits.length - significant.length}`;
}
