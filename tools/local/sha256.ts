import { createHash } from 'node:crypto';

/** In hexadecimal digits, as the database writes it. */
export function sha256(text: string | Buffer): string {
  return createHash('sha256').update(text).digest('hex');
}
