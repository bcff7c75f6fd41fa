import type { Log } from '../observe/log.ts';
import { guard, type Handler, type Method } from './endpoint.ts';

const ALLOWED_HEADERS = 'Content-Type, Authorization, Idempotency-Key, Traceparent';
/** Additional response headers that pages of other origins may read. */
const EXPOSED_HEADERS = 'Location, Retry-After, RateLimit, RateLimit-Policy';
/** Short, so that removing an origin from the list takes effect soon. */
const PREFLIGHT_SECONDS = 600;

/**
 * Allows pages to call an endpoint: the listed origins by the CORS protocol (Fetch standard), and gives all pages errors that
 * the platform's clients can read. A page of another origin gets no permission, so its browser hides the answer.
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
    // For every origin: a cache must not serve one origin's answer to another.
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
 * The platform's clients read an error only if its type is `application/json`. They are pages in browsers without a specific
 * `Accept`. Clients that accept `application/problem+json` get that type, as do servers.
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

/**
 * Whether a browser sent the request: browsers send `Origin` unless it is a plain read of the own origin, and
 * `Sec-Fetch-Site` with everything.
 */
function isFromPage(headers: Headers): boolean {
  return headers.has('origin') || headers.has('sec-fetch-site');
}
