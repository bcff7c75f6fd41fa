import { z } from 'zod';
import { splitList } from './env-values.ts';

const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Whether a browser can send exactly this as `Origin`, and over a connection that nobody can tamper with. */
function isOrigin(text: string): boolean {
  const url = URL.parse(text);
  // A URL's host may contain an asterisk; an origin's may not.
  if (url?.origin !== text || text.includes('*')) return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.has(url.hostname));
}

/**
 * Origins separated by spaces. Refuses values that would never match: with a path, a trailing slash or a default port, `*`,
 * or `null`.
 */
export const browserOrigins = z
  .string()
  .transform(splitList)
  .refine((origins) => origins.every(isOrigin), {
    error:
      'must be exact origins separated by spaces, such as https://app.example.com: https (http on the loopback only), lower case, no path, no trailing slash, no default port',
  });
