import { z } from 'zod';

// PostgreSQL's text and jsonb cannot hold U+0000, and UTF-8 cannot hold half a surrogate pair.
const NUL = String.fromCharCode(0);

export function isStorable(text: string): boolean {
  return !text.includes(NUL) && text.isWellFormed();
}

/** The text without U+0000 and lone surrogates. For generated text only: a caller's text is refused instead. */
export function toStorable(text: string): string {
  const withoutNul = text.replaceAll(NUL, '');
  // The u flag makes a well-formed pair one code point, so that the range matches only halves.
  return withoutNul.isWellFormed() ? withoutNul : withoutNul.replace(/[\uD800-\uDFFF]/gu, '');
}

export const storableText = z
  .string()
  .refine(isStorable, { error: 'must not contain U+0000 or unpaired surrogates' });

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
/** What becomes JSON when it is sent: members that are undefined are left out then. */
export type Sendable = Json | Sendable[] | { [key: string]: Sendable | undefined };

function isStorableJson(value: Json): boolean {
  if (typeof value === 'string') return isStorable(value);
  if (typeof value !== 'object' || value === null) return true;
  if (Array.isArray(value)) return value.every(isStorableJson);
  return Object.entries(value).every(([key, item]) => isStorable(key) && isStorableJson(item));
}

/** A JSON object all of whose texts the database can hold. */
export const storableObject = z
  .record(z.string(), z.json())
  .refine((value) => isStorableJson(value), { error: 'must not contain U+0000 or unpaired surrogates' });
