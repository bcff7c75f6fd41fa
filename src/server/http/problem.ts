import { PROBLEMS, type ProblemCode, type ProblemDetails } from '../../contracts/problem.ts';

export interface Issue {
  path: string;
  message: string;
}

export interface ProblemExtras {
  detail?: string;
  issues?: Issue[];
  /** Every answer of the retry endpoint has this member, including failures. */
  success?: false;
  headers?: Record<string, string>;
}

/** The answer for a refusal: RFC 9457 problem details with only its code and the given extras. */
export function problem(
  code: ProblemCode,
  { detail, issues, success, headers }: ProblemExtras = {},
): Response {
  const { status, title } = PROBLEMS[code];
  const body: ProblemDetails = {
    type: 'about:blank',
    title,
    status,
    code,
    error: title,
    ...(detail === undefined ? {} : { detail }),
    ...(issues === undefined ? {} : { issues }),
    ...(success === undefined ? {} : { success }),
  };
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store', ...headers },
  });
}

const RETRY_AFTER_SECONDS = 5;

/** The database is unavailable, busy or slow: the caller should retry. */
export function unavailable(): Response {
  return problem('database_unavailable', { headers: { 'retry-after': String(RETRY_AFTER_SECONDS) } });
}

/** An answer that no cache may keep. */
export function answer(
  body: object,
  init: { status?: number; headers?: Record<string, string> } = {},
): Response {
  return Response.json(body, {
    status: init.status ?? 200,
    headers: { 'cache-control': 'no-store', ...init.headers },
  });
}
