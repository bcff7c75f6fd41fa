type Fetch = (request: Request) => Response | Promise<Response>;

const ALLOWED_METHODS = 'GET, POST, PATCH, PUT, DELETE, OPTIONS, HEAD';

/**
 * Allows calls from pages of other origins, as hosted Supabase does. By itself, the local layer does not allow
 * `authorization` for Auth, and answers 404 to preflights of unknown paths.
 */
export function withCors(fetch: Fetch): Fetch {
  return async (request) => {
    if (request.method === 'OPTIONS' && request.headers.has('access-control-request-method')) {
      return new Response(null, {
        status: 204,
        headers: {
          'access-control-allow-origin': '*',
          'access-control-allow-methods': ALLOWED_METHODS,
          'access-control-allow-headers': request.headers.get('access-control-request-headers') ?? '',
          'access-control-max-age': '86400',
          vary: 'access-control-request-headers',
        },
      });
    }
    const answer = await fetch(request);
    if (answer.headers.has('access-control-allow-origin')) return answer;
    const headers = new Headers(answer.headers);
    headers.set('access-control-allow-origin', '*');
    return new Response(answer.body, { status: answer.status, statusText: answer.statusText, headers });
  };
}
