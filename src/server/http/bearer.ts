import { createHash, timingSafeEqual } from 'node:crypto';
import { splitList } from '../../contracts/env-values.ts';

/**
 * The token of `Authorization: Bearer …`; null without one. Before it any number of blanks may stand (RFC 9110, 11.4). Blanks in it
 * are kept: see `parseBearerKeys`.
 */
export function bearerToken(headers: Headers): string | null {
  const header = headers.get('authorization') ?? '';
  return /^Bearer +([\x21-\x7e](?:[\x20-\x7e]{0,8190}[\x21-\x7e])?)$/i.exec(header)?.[1] ?? null;
}

/** The keys of a bearer variable, in its order: our own calls use the first, all are admitted, which is how keys are rotated. */
export type BearerKeys = readonly [string, ...string[]];

/**
 * The keys, and a list of several as a whole too: Vercel's cron sends the value of CRON_SECRET unchanged, and would be refused
 * while the variable holds an old and a new key.
 * @throws {Error} when there is none
 */
export function parseBearerKeys(value: string): BearerKeys {
  const [first, ...rest] = splitList(value);
  if (!first) throw new Error('a bearer variable is empty');
  return rest.length === 0 ? [first] : [first, ...rest, value];
}

/** Compares in constant time. Hashing first makes the lengths equal, which the comparison needs. */
export function isSecret(token: string, secret: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(token), digest(secret));
}

/** Whether a token is one of the keys. */
export function isOneOf(token: string, keys: BearerKeys): boolean {
  let matches = false;
  // No early end: the time taken must not tell which key fitted.
  for (const key of keys) matches = isSecret(token, key) || matches;
  return matches;
}
