import { DatabaseUnavailable } from '../store/store.ts';
import type { Log } from '../observe/log.ts';
import { problem, unavailable } from './problem.ts';

export type Handler = (request: Request) => Promise<Response>;
export type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

/**
 * One handler for all methods of an endpoint. What is thrown becomes an answer here: an error that left a function would
 * end its process, and with it every other request and job that runs there.
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

/** Answers 503 where the database is away, and an empty-handed 500, with its reason in the log, for all else that is thrown. */
export function guard(handle: Handler, log: Log): Handler {
  return async (request) => {
    try {
      return await handle(request);
    } catch (error) {
      const { pathname } = new URL(request.url);
      const request_id = request.headers.get('x-vercel-id') ?? undefined;
      const details = { method: request.method, pathname, request_id, error };
      if (error instanceof DatabaseUnavailable) {
        log('error', 'the database did not answer', details);
        return unavailable();
      }
      log('error', 'a handler failed', details);
      return problem('internal_error');
    }
  };
}
