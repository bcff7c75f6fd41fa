import type { ServerResponse } from 'node:http';
import type { ProblemDetails } from '../../src/contracts/problem.ts';

/** Answers a refusal of the platform (not of a function), in the same form as the functions. */
export function sendProblem(
  response: ServerResponse,
  { status, code, title }: Pick<ProblemDetails, 'status' | 'code' | 'title'>,
  headers: Record<string, string> = {},
): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const body = JSON.stringify({ type: 'about:blank', title, status, code, error: title });
  response.writeHead(status, {
    'content-type': 'application/problem+json',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    ...headers,
  });
  response.end(body);
}
