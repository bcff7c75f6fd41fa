import {
  isField,
  MAX_FILTER_CHARACTERS,
  type Filter,
  type FilterScalar,
} from '../../../contracts/filters.ts';

/**
 * The filter as a jsonpath predicate, for `private.filter_matches()`.
 *
 * Strict: lax paths look into arrays. There, a comparison with a missing member, or between values of two types, is unknown.
 * `&&`, `||` and the match itself read unknown as no match, so that only `not` must be told the difference.
 */
export function compileFilter(filter: Filter): string {
  return `strict ${predicate(filter)}`;
}

function predicate(filter: Filter): string {
  if ('exact' in filter) return both(Object.entries(filter.exact), exact);
  if ('prefix' in filter) return both(Object.entries(filter.prefix), prefix);
  if ('suffix' in filter) return both(Object.entries(filter.suffix), suffix);
  if ('exists' in filter) return exists(filter.exists);
  if ('any' in filter) return `(${filter.any.map(predicate).join(' || ')})`;
  if ('all' in filter) return `(${filter.all.map(predicate).join(' && ')})`;
  // `?` passes only what is true: unlike `!(…)`, this is true where the inner filter is unknown.
  return `!exists($ ? (${predicate(filter.not)}))`;
}

function both<T>(members: [string, T][], compile: (path: string, value: T) => string): string {
  return `(${members.map(([path, value]) => compile(path, value)).join(' && ')})`;
}

// PostgreSQL's regular expressions repeat at most 255 times. One pattern for all filters: compiled ones are cached, but few.
const IS_TOO_LONG = `like_regex "^.{${MAX_FILTER_CHARACTERS - 56}}.{57}" flag "s"`;

function exact(path: string, value: FilterScalar): string {
  return `${member(path)} == ${typeof value === 'string' ? literal(value) : String(value)}`;
}

function prefix(path: string, value: string): string {
  return `${member(path)} starts with ${literal(value)} && !(${member(path)} ${IS_TOO_LONG})`;
}

function suffix(path: string, value: string): string {
  // Only these characters mean something else in a pattern. `s` lets the end of a text be its end, whatever lines it has.
  const pattern = `${value.replace(/[\\^$.[\]|()?*+{}]/g, '\\$&')}$`;
  return `${member(path)} like_regex ${literal(pattern)} flag "s" && !(${member(path)} ${IS_TOO_LONG})`;
}

function exists(path: string): string {
  // A field is a text, or null where the event has none.
  if (isField(path)) return `exists(${member(path)} ? (@ != null))`;
  const isAbsent = `@.type() == "object" || @.type() == "array" || exists(@ ? (@ ${IS_TOO_LONG}))`;
  return `exists(${member(path)} ? (!(${isAbsent})))`;
}

function member(path: string): string {
  return `$.${path.split('.').map(literal).join('.')}`;
}

/** jsonpath reads the escapes of JSON, and in quotes no other character is special. */
function literal(text: string): string {
  return JSON.stringify(text);
}
