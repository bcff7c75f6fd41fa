import { createHash, timingSafeEqual } from 'node:crypto';

/** The token of `Authorization: Bearer …`; null without one. */
export function bearerToken(headers: Headers): string | null {
  return /^Bearer ([\x21-\x7e]{1,8192})$/i.exec(headers.get('authorization') ?? '')?.[1] ?? null;
}

/** Compares in constant time. Hashing first makes the lengths equal, which the comparison needs. */
export function isSecret(token: string, secret: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(token), digest(secret));
}
