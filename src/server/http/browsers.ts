import type { Log } from '../observe/log.ts';
import { guard, type Handler, type Method } from './endpoint.ts';

const ALLOWED_HEADERS = 'Content-Type, Authorization, Idempotency-Key, Traceparent';
/** Additional response headers that pages of other origins may read. */
const EXPOSED_HEADERS = 'Location, Retry-After, RateLimit, RateLimit-Policy';
/** Short, so that an origin that is removed from the list does not linger. */
const PREFLIGHT_SECONDS = 600;

/**
 * Lets pages call an endpoint: those of the listed origins across origins (the CORS protocol of the Fetch standard), and all
 * with errors that the platform's clients can read. A page of another origin gets no permission, and its browser hides the
 * answer.
 */
export function forBrowsers(
  handle: Handler,
  { methods, origins, log }: { methods: readonly Method[]; origins: () => ReadonlySet<string>; log: Log },
): Handler {
  const preflight = {
    'access-control-allow-methods': methods.join(', '),
    'access-control-allow-headers': ALLOWED_HEADERS,
    'access-control-max-age': String(PREFLIGHT_SECONDS),
  };
  return guard(async (request) => {
    const origin = request.headers.get('origin');
    const isListed = origin !== null && origins().has(origin);
    const isOptions = request.method === 'OPTIONS';
    const response = isOptions
      ? new Response(null, { status: 204, headers: { allow: [...methods, 'OPTIONS'].join(', ') } })
      : forPlatformClients(request, await guard(handle, log)(request));
    // Also for others: a cache must not hand one origin's answer to another.
    response.headers.append('vary', 'Origin');
    if (isListed) {
      const permission = isOptions ? preflight : { 'access-control-expose-headers': EXPOSED_HEADERS };
      for (const [name, value] of Object.entries({ 'access-control-allow-origin': origin, ...permission })) {
        response.headers.set(name, value);
      }
    }
    return response;
  }, log);
}

/**
 * The platform's clients read an error only where it says `application/json`. They are pages in browsers, and name nothing
 * in `Accept`; whoever names `application/problem+json` there gets that, and so do servers.
 */
function forPlatformClients(request: Request, response: Response): Response {
  if (response.headers.get('content-type') !== 'application/problem+json') return response;
  response.headers.append('vary', 'Accept');
  const accept = request.headers.get('accept')?.toLowerCase() ?? '';
  if (accept.includes('application/problem+json')) return response;
  if (accept.includes('application/json') || isFromPage(request.headers)) {
    response.headers.set('content-type', 'application/json');
  }
  return response;
}

/** Browsers send `Origin` with what is not a plain read of the own origin, and `Sec-Fetch-Site` with everything. */
function isFromPage(headers: Headers): boolean {
  return headers.has('origin') || headers.has('sec-fetch-site');
}
