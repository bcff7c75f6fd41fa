import { toStorable } from '../../contracts/text.ts';

/** Replaces secret values in the audit. */
export const MASKED = '(not stored)';

const SECRET = new Set(['webhook-signature', 'x-vercel-protection-bypass', 'authorization']);

/** Our own headers in the form that the audit stores. */
export function sentHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, SECRET.has(name) ? MASKED : value]),
  );
}

/** Our target address in the form that the audit stores: without the query, which may hold a subscriber's secret. */
export function sentUrl(url: string): string {
  return url.replace(/\?.*$/s, `?${MASKED}`);
}

/**
 * Headers that tell which server answered, with what kind of answer, and the id that its operators can search for. No
 * cookies.
 */
const ANSWER_HEADERS = [
  'content-type',
  'content-length',
  'content-encoding',
  'date',
  'retry-after',
  'server',
  'via',
  'x-cache',
  'x-vercel-id',
  'x-vercel-error',
  'x-request-id',
  'cf-ray',
] as const;
const MOST_CHARACTERS = 200;

/** Selected headers of an answer. The target of a redirect is stored without query and credentials, which may hold a secret. */
export function answerHeaders(headers: Headers): Record<string, string> {
  const chosen: Record<string, string> = {};
  for (const name of ANSWER_HEADERS) {
    const value = headers.get(name);
    if (value !== null) chosen[name] = toStorable(value.slice(0, MOST_CHARACTERS));
  }
  const location = headers.get('location');
  if (location !== null) {
    const place = (/^[^?#]*/.exec(location)?.[0] ?? '').replace(
      /^([a-z][a-z0-9+.-]*:)?([/\\]{2,})[^/\\]*@/i,
      '$1$2',
    );
    chosen['location'] = toStorable(place.slice(0, MOST_CHARACTERS));
  }
  return chosen;
}
