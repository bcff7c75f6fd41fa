import { MAX_BODY_BYTES } from '../../src/contracts/constants.ts';

/** Bodies of maximum size, each of one kind. Any cost above that of plain text is caused by the reader. */
export interface Shape {
  name: string;
  /** A JSON value of about this many bytes, for a member that accepts any JSON. */
  make: (bytes: number) => string;
}

/** Leaves room for the rest of the body. */
export const VALUE_BYTES = MAX_BODY_BYTES - 4096;

const repeat = (bytes: number, item: (index: number) => string, around: readonly [string, string]) => {
  const items: string[] = [];
  let length = 2;
  for (let index = 0; ; index += 1) {
    const next = item(index);
    length += Buffer.byteLength(next) + 1;
    if (length > bytes) return `${around[0]}${items.join(',')}${around[1]}`;
    items.push(next);
  }
};
const ARRAY = ['[', ']'] as const;
const OBJECT = ['{', '}'] as const;
const nested = (levels: number, innermost: string) => '['.repeat(levels) + innermost + ']'.repeat(levels);
const LEVELS = 88;

export const SHAPES: readonly Shape[] = [
  { name: 'plain text', make: (bytes) => `{"k":"${'a'.repeat(bytes - 8)}"}` },
  { name: 'one long string of escapes', make: (bytes) => `{"k":"${'\\u00e9'.repeat((bytes - 8) / 6)}"}` },
  {
    name: 'surrogate pairs as escapes',
    make: (bytes) => `{"k":"${'\\ud83d\\ude80'.repeat((bytes - 8) / 12)}"}`,
  },
  { name: 'backslashes', make: (bytes) => `{"k":"${'\\\\'.repeat((bytes - 8) / 2)}"}` },
  { name: 'many short strings', make: (bytes) => `{"k":${repeat(bytes - 6, () => '""', ARRAY)}}` },
  { name: 'many small numbers', make: (bytes) => `{"k":${repeat(bytes - 6, () => '1', ARRAY)}}` },
  {
    name: 'numbers of 64 digits',
    make: (bytes) => `{"k":${repeat(bytes - 6, () => '9'.repeat(64), ARRAY)}}`,
  },
  { name: 'one number of a million digits', make: (bytes) => `{"k":${'9'.repeat(bytes - 6)}}` },
  {
    name: 'short names of long numbers',
    make: (bytes) => `{"k":${repeat(bytes - 6, () => '1e131071', ARRAY)}}`,
  },
  { name: 'many members', make: (bytes) => repeat(bytes, (i) => `"k${i}":0`, OBJECT) },
  {
    name: 'many members with escaped names',
    make: (bytes) => repeat(bytes, (i) => `"\\u006b${i}":0`, OBJECT),
  },
  {
    name: 'names that look like integers',
    make: (bytes) => repeat(bytes, (i) => `"${i * 65536}":0`, OBJECT),
  },
  {
    name: 'long names that differ at their end',
    make: (bytes) => repeat(bytes, (i) => `"${'a'.repeat(200)}${i}":0`, OBJECT),
  },
  { name: 'one name, repeated', make: (bytes) => repeat(bytes, () => `"k":0`, OBJECT) },
  { name: 'empty objects', make: (bytes) => `{"k":${repeat(bytes - 6, () => '{}', ARRAY)}}` },
  { name: 'many small objects', make: (bytes) => `{"k":${repeat(bytes - 6, () => '{"a":{}}', ARRAY)}}` },
  { name: 'wide and deep', make: (bytes) => `{"k":${repeat(bytes - 6, () => nested(LEVELS, '0'), ARRAY)}}` },
  {
    name: 'wide and deep, each ending in 1e400',
    make: (bytes) => `{"k":${repeat(bytes - 6, () => nested(LEVELS, '1e400'), ARRAY)}}`,
  },
  { name: 'nothing but opening brackets', make: (bytes) => `{"k":${'['.repeat(bytes - 6)}` },
  { name: 'deeper than is allowed', make: (bytes) => `{"k":${nested((bytes - 6) / 2, '')}}` },
  {
    name: 'a repeated name at the end',
    make: (bytes) => repeat(bytes, (i) => `"k${i}":0`, OBJECT).replace(/}$/, ',"k0":0}'),
  },
  { name: 'white space', make: (bytes) => `{"k":${' '.repeat(bytes - 6)}0}` },
  { name: 'no JSON, at the end', make: (bytes) => `{"k":${repeat(bytes - 6, () => '1', ARRAY)}` },
];
