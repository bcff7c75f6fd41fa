import { createHash } from 'node:crypto';

/** In hexadecimal digits, as in the database. */
export function sha256(text: string | Buffer): string {
  return createHash('sha256').update(text).digest('hex');
}
