import { z } from 'zod';
import { splitList } from './env-values.ts';

const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Whether a browser would send exactly this as `Origin`, and nobody between can change the page that sends it. */
function isOrigin(text: string): boolean {
  const url = URL.parse(text);
  // A URL may have an asterisk in its host; no origin has.
  if (url?.origin !== text || text.includes('*')) return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.has(url.hostname));
}

/** Origins separated by spaces. A path, a trailing slash, a default port, `*` or `null` would never match, and is refused. */
export const browserOrigins = z
  .string()
  .transform(splitList)
  .refine((origins) => origins.every(isOrigin), {
    error:
      'must be exact origins separated by spaces, such as https://app.example.com: https (http on the loopback only), lower case, no path, no trailing slash, no default port',
  });
