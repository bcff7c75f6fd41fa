import { PROBLEMS, type ProblemCode, type ProblemDetails } from '../../contracts/problem.ts';

export interface ProblemExtras {
  detail?: string;
  issues?: { path: string; message: string }[];
  headers?: Record<string, string>;
}

/** The answer of a refusal: RFC 9457 problem details, with nothing in it but what its code and extras say. */
export function problem(code: ProblemCode, { detail, issues, headers }: ProblemExtras = {}): Response {
  const { status, title } = PROBLEMS[code];
  const body: ProblemDetails = {
    type: 'about:blank',
    title,
    status,
    code,
    ...(detail === undefined ? {} : { detail }),
    ...(issues === undefined ? {} : { issues }),
  };
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store', ...headers },
  });
}
