import type { z } from 'zod';
import type { ProblemCode } from '../../contracts/problem.ts';
import { readRawBody } from './body.ts';
import { problem, type Issue, type ProblemExtras } from './problem.ts';

export type Parsed<T> = { ok: true; value: T } | { ok: false; code: ProblemCode; answer: Response };

/** The path and message of each fault, as answers show them. */
export function issuesOf(error: z.ZodError): Issue[] {
  return error.issues.map(({ path, message }) => ({ path: path.join('.'), message }));
}

/** Reads and parses a JSON body, or makes the refusal. */
export async function parseJsonBody<T>(request: Request, schema: z.ZodType<T>): Promise<Parsed<T>> {
  const refuse = (code: ProblemCode, extras?: ProblemExtras) => ({
    ok: false as const,
    code,
    answer: problem(code, extras),
  });
  const raw = await readRawBody(request);
  if (!raw.ok) return refuse(raw.code);
  const json = decodeJson(raw.bytes);
  if (!json.ok) return refuse('invalid_json');
  const parsed = schema.safeParse(json.value);
  if (parsed.success) return { ok: true, value: parsed.data };
  return refuse('invalid_body', { issues: issuesOf(parsed.error) });
}

/** Parses bytes as JSON in UTF-8, as RFC 8259 has it: other bytes are refused, not replaced. */
export function decodeJson(bytes: Uint8Array): { ok: true; value: unknown } | { ok: false } {
  try {
    return { ok: true, value: JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) };
  } catch {
    return { ok: false };
  }
}
