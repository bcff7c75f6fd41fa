import { createHash, timingSafeEqual } from 'node:crypto';
import { splitList } from '../../contracts/env-values.ts';

/**
 * The token of `Authorization: Bearer …`; null without one. Any number of blanks may precede it (RFC 9110, 11.4). Blanks
 * inside are kept: see `parseBearerKeys`.
 */
export function bearerToken(headers: Headers): string | null {
  const header = headers.get('authorization') ?? '';
  return /^Bearer +([\x21-\x7e](?:[\x20-\x7e]{0,8190}[\x21-\x7e])?)$/i.exec(header)?.[1] ?? null;
}

/**
 * The keys of a bearer variable, in its order: our own calls use the first, and all are accepted, so that keys can be
 * rotated.
 */
export type BearerKeys = readonly [string, ...string[]];

/**
 * The keys of a list, and the whole list as a key as well: Vercel's cron sends the value of CRON_SECRET unchanged, and would
 * be rejected while the variable holds an old and a new key.
 * @throws {Error} if there is no key
 */
export function parseBearerKeys(value: string): BearerKeys {
  const [first, ...rest] = splitList(value);
  if (!first) throw new Error('a bearer variable is empty');
  return rest.length === 0 ? [first] : [first, ...rest, value];
}

/** Compares in constant time. The comparison needs equal lengths, so both are hashed first. */
export function isSecret(token: string, secret: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(token), digest(secret));
}

/** Whether the token is one of the keys. */
export function isOneOf(token: string, keys: BearerKeys): boolean {
  let matches = false;
  // No early return: the time must not reveal which key matched.
  for (const key of keys) matches = isSecret(token, key) || matches;
  return matches;
}
