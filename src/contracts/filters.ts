import { z } from 'zod';
import { isStorable } from './text.ts';

/**
 * A subscriber's filter as data: which events it gets. The names are those of CloudEvents' filter dialects. Each object has
 * exactly one member; `exact`, `prefix` and `suffix` match if all of their members do.
 *
 * A filter sees `type`, `report_type`, `stage`, `status`, `channel`, and up to three levels of `metadata`. A member counts as
 * absent if it is missing, an object, an array, or a text of more than 256 characters; only `not` matches absent members.
 * Numbers are equal by value (`1.0` is `1`); a number, a text, a boolean and null never equal each other.
 */
export type Filter =
  | { exact: Record<string, FilterScalar> }
  | { prefix: Record<string, string> }
  | { suffix: Record<string, string> }
  /** Matches every value, null included, but not an absent member. */
  | { exists: string }
  | { any: Filter[] }
  | { all: Filter[] }
  | { not: Filter };
export type FilterScalar = string | number | boolean | null;

export const FILTER_FIELDS = ['type', 'report_type', 'stage', 'status', 'channel'] as const;
const DIALECTS = ['exact', 'prefix', 'suffix', 'exists', 'any', 'all', 'not'] as const;
/** Members whose objects and arrays `readJson` must open: those of a filter. */
export const FILTER_OPEN: readonly string[] = DIALECTS;

/** Nesting levels of filters. */
export const MAX_FILTER_DEPTH = 5;
/** Comparisons and `exists` in a whole filter. */
export const MAX_FILTER_CLAUSES = 50;
/** Limit for texts in a filter, and for metadata texts that a filter sees, in Unicode characters. */
export const MAX_FILTER_CHARACTERS = 256;
/** Levels below `metadata`. */
export const MAX_FILTER_NAMES = 3;
/** Limit for a name below `metadata`, in Unicode characters. */
const MAX_FILTER_NAME_CHARACTERS = 64;
/** Digits of a number. A double keeps this many digits, so no number is rounded when a filter is read. */
const MAX_FILTER_DIGITS = 15;

/** Unicode characters, as PostgreSQL counts them. */
export function characters(text: string): number {
  return Array.from(text).length;
}

export function isField(path: string): path is (typeof FILTER_FIELDS)[number] {
  return FILTER_FIELDS.some((field) => field === path);
}

/** Written by hand: a zod schema would silently drop `__proto__`, and would not name the path of a fault inside a union. */
export const filter = z
  .custom<Filter>((value) => value !== undefined, { error: 'must be a filter' })
  .meta({
    type: 'object',
    propertyNames: { enum: DIALECTS },
    minProperties: 1,
    maxProperties: 1,
    description: 'A filter: an object with exactly one member. docs/contract.md, Filters, has the rules.',
  })
  .superRefine((value, context) => {
    const issues: Issue[] = [];
    checkFilter(value, { path: [], depth: 1, issues, clauses: { left: MAX_FILTER_CLAUSES } });
    for (const issue of issues) context.addIssue({ code: 'custom', ...issue });
  });

interface Issue {
  path: PropertyKey[];
  message: string;
}

interface Place {
  path: PropertyKey[];
  depth: number;
  issues: Issue[];
  /** Counts down over the whole filter. Below zero, reading stops, so that a large body costs no more than a small one. */
  clauses: { left: number };
}

function checkFilter(value: unknown, place: Place): void {
  const { path, depth, issues } = place;
  const [only, ...others] = membersOf(value);
  if (only === undefined || others.length > 0) {
    if (count(place)) issues.push({ path, message: `must be an object with one of ${DIALECTS.join(', ')}` });
    return;
  }
  const [dialect, content] = only;
  const inside = { ...place, path: [...path, dialect], depth: depth + 1 };
  if (depth > MAX_FILTER_DEPTH) {
    const message = `must not be nested deeper than ${MAX_FILTER_DEPTH} levels`;
    if (count(place)) issues.push({ path, message });
    return;
  }
  switch (dialect) {
    case 'exact':
      checkMembers(content, inside, scalarFault);
      break;
    case 'prefix':
    case 'suffix':
      checkMembers(content, inside, affixFault);
      break;
    case 'exists':
      checkExists(content, inside);
      break;
    case 'any':
    case 'all':
      checkList(content, inside);
      break;
    case 'not':
      checkFilter(content, inside);
      break;
    default:
      if (count(place)) issues.push({ path: inside.path, message: `is none of ${DIALECTS.join(', ')}` });
  }
}

function checkExists(content: unknown, place: Place): void {
  const fault = typeof content === 'string' ? pathFault(content) : 'must be the path of a member';
  if (count(place) && fault !== undefined) place.issues.push({ path: place.path, message: fault });
}

function checkList(content: unknown, place: Place): void {
  if (!Array.isArray(content) || content.length === 0) {
    if (count(place))
      place.issues.push({ path: place.path, message: 'must be an array with at least one filter' });
    return;
  }
  for (const [index, item] of content.entries()) {
    if (place.clauses.left < 0) return;
    checkFilter(item, { ...place, path: [...place.path, index] });
  }
}

function checkMembers(
  content: unknown,
  place: Place,
  faultOf: (value: unknown, path: string) => string | undefined,
): void {
  const members = membersOf(content);
  if (members.length === 0) {
    if (count(place))
      place.issues.push({ path: place.path, message: 'must be an object with at least one member' });
    return;
  }
  for (const [path, value] of members) {
    if (!count(place)) return;
    const fault = pathFault(path) ?? faultOf(value, path);
    if (fault !== undefined) place.issues.push({ path: [...place.path, path], message: fault });
  }
}

/** False when there are too many clauses. */
function count({ clauses, issues }: Place): boolean {
  clauses.left -= 1;
  if (clauses.left === -1) {
    issues.push({ path: [], message: `must not have more than ${MAX_FILTER_CLAUSES} clauses` });
  }
  return clauses.left >= 0;
}

/** The members of a plain object; empty for anything else. */
function membersOf(value: unknown): [string, unknown][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype ? Object.entries(value) : [];
}

function pathFault(path: string): string | undefined {
  if (isField(path)) return undefined;
  const [root, ...names] = path.split('.');
  const isKnown =
    root === 'metadata' &&
    names.length >= 1 &&
    names.length <= MAX_FILTER_NAMES &&
    names.every((name) => {
      const length = characters(name);
      return length >= 1 && length <= MAX_FILTER_NAME_CHARACTERS && isStorable(name);
    });
  return isKnown
    ? undefined
    : `must be ${FILTER_FIELDS.join(', ')} or metadata and 1 to ${MAX_FILTER_NAMES} names of 1 to ${MAX_FILTER_NAME_CHARACTERS} characters, joined by dots`;
}

function scalarFault(value: unknown, path: string): string | undefined {
  if (typeof value === 'string') return textFault(value);
  if (isField(path)) return 'must be a text';
  if (value === null || typeof value === 'boolean') return undefined;
  if (typeof value !== 'number') return 'must be a text, a number, true, false or null';
  const isExact = digitsOf(value) <= MAX_FILTER_DIGITS;
  return isExact ? undefined : `must be a number of at most ${MAX_FILTER_DIGITS} digits`;
}

function affixFault(value: unknown): string | undefined {
  if (typeof value !== 'string') return 'must be a text';
  return value === '' ? 'must not be empty' : textFault(value);
}

function textFault(text: string): string | undefined {
  // A character has at most two code units: the length alone rejects a large text, without counting its characters.
  if (text.length > 2 * MAX_FILTER_CHARACTERS || characters(text) > MAX_FILTER_CHARACTERS) {
    return `must not have more than ${MAX_FILTER_CHARACTERS} characters`;
  }
  return isStorable(text) ? undefined : 'must not contain U+0000 or unpaired surrogates';
}

/** Number of significant digits; Infinity for what is not a finite number. */
function digitsOf(value: number): number {
  if (!Number.isFinite(value)) return Infinity;
  const [mantissa = ''] = value.toExponential().split('e');
  return mantissa.replace(/\D/g, '').length;
}
