import { DatabaseUnavailable, SchemaMismatch } from '../store/store.ts';
import type { Log } from '../observe/log.ts';
import { problem, unavailable } from './problem.ts';
import { readTraceparent } from './traceparent.ts';

export type Handler = (request: Request) => Promise<Response>;
export type Method = 'GET' | 'HEAD' | 'POST' | 'PATCH' | 'DELETE';

/**
 * One handler for all methods of an endpoint. Converts errors to answers: an uncaught error would end the process, and with
 * it every other request and job that runs there.
 */
export function endpoint(methods: Partial<Record<Method, Handler>>, log: Log): Handler {
  const allow = Object.keys(methods).join(', ');
  const known = new Map<string, Handler>(Object.entries(methods));
  return async (request) => {
    const handle = known.get(request.method);
    if (handle === undefined) return problem('method_not_allowed', { headers: { allow } });
    return guard(handle, log)(request);
  };
}

/** The answer to `GET` without its body (RFC 9110, section 9.3.2), for an endpoint whose `GET` changes nothing. */
export function headOf(get: Handler): Handler {
  return async (request) => {
    const { status, headers } = await get(request);
    return new Response(null, { status, headers });
  };
}

/**
 * Converts an error to an answer and a log line: 503 if Supabase is unavailable or has another version of the schema,
 * otherwise a 500 without details.
 */
export function guard(handle: Handler, log: Log): Handler {
  return async (request) => {
    try {
      return await handle(request);
    } catch (error) {
      const { pathname } = new URL(request.url);
      const request_id = request.headers.get('x-vercel-id') ?? undefined;
      const trace = readTraceparent(request.headers)?.traceId;
      const details = { method: request.method, pathname, request_id, trace, error };
      if (error instanceof DatabaseUnavailable) {
        log('error', reasonOf(error), details);
        return unavailable();
      }
      log('error', 'a handler failed', details);
      return problem('internal_error');
    }
  };
}

/** Operators fix these in two places: the database, or the deployment. */
function reasonOf(error: DatabaseUnavailable): string {
  return error instanceof SchemaMismatch
    ? 'the versions of the schema and the functions differ'
    : 'Supabase is unavailable';
}
