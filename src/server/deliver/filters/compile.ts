import {
  isField,
  MAX_FILTER_CHARACTERS,
  type Filter,
  type FilterScalar,
} from '../../../contracts/filters.ts';

/**
 * Compiles a filter to a jsonpath predicate for `private.filter_matches()`.
 *
 * Strict, since lax paths look into arrays. In strict mode, a comparison with a missing member, or between values of two
 * types, is unknown. `&&`, `||` and the match itself treat unknown as no match, so only `not` must tell the two
 * apart.
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
  // `?` passes only true. Unlike `!(…)`, this expression is true if the inner filter is unknown.
  return `!exists($ ? (${predicate(filter.not)}))`;
}

function both<T>(members: [string, T][], compile: (path: string, value: T) => string): string {
  return `(${members.map(([path, value]) => compile(path, value)).join(' && ')})`;
}

// PostgreSQL's regular expressions allow at most 255 repetitions. All filters share one pattern, since PostgreSQL caches only
// a few compiled ones.
const IS_TOO_LONG = `like_regex "^.{${MAX_FILTER_CHARACTERS - 56}}.{57}" flag "s"`;

function exact(path: string, value: FilterScalar): string {
  return `${member(path)} == ${typeof value === 'string' ? literal(value) : String(value)}`;
}

function prefix(path: string, value: string): string {
  return `${member(path)} starts with ${literal(value)} && !(${member(path)} ${IS_TOO_LONG})`;
}

function suffix(path: string, value: string): string {
  // Only these characters are special in a pattern. With flag `s`, `$` matches only the end of the text, whatever lines it
  // has.
  const pattern = `${value.replace(/[\\^$.[\]|()?*+{}]/g, '\\$&')}$`;
  return `${member(path)} like_regex ${literal(pattern)} flag "s" && !(${member(path)} ${IS_TOO_LONG})`;
}

function exists(path: string): string {
  // A field is a text, or null if the event has none.
  if (isField(path)) return `exists(${member(path)} ? (@ != null))`;
  const isAbsent = `@.type() == "object" || @.type() == "array" || exists(@ ? (@ ${IS_TOO_LONG}))`;
  return `exists(${member(path)} ? (!(${isAbsent})))`;
}

function member(path: string): string {
  return `$.${path.split('.').map(literal).join('.')}`;
}

/** jsonpath uses JSON's escapes; inside of quotes no other character is special. */
function literal(text: string): string {
  return JSON.stringify(text);
}
