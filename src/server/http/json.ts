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
  const json = decodeJson(raw.bytes, MAX_DEPTH - 1);
  if (!json.ok) return refuse(json.code, json.extras);
  const parsed = schema.safeParse(json.value);
  if (parsed.success) return { ok: true, value: parsed.data };
  return refuse('invalid_body', { issues: issuesOf(parsed.error) });
}

export type Decoded =
  | { ok: true; value: unknown }
  | { ok: false; code: Extract<ProblemCode, 'invalid_json' | 'invalid_body'>; extras: ProblemExtras };

/**
 * Deeper than anybody means it, and no deeper than schemas and PostgreSQL can follow. What a job's body brings lies one level
 * deeper in the envelope that it is sent in.
 */
const MAX_DEPTH = 100;

/** Parses bytes as JSON in UTF-8, as RFC 8259 has it: other bytes are refused, not replaced. */
export function decodeJson(bytes: Uint8Array, maxDepth = MAX_DEPTH): Decoded {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return { ok: false, code: 'invalid_json', extras: {} };
  }
  if (!isDeeper(value, maxDepth)) return { ok: true, value };
  const issue = { path: '', message: `must not be nested deeper than ${maxDepth} levels` };
  return { ok: false, code: 'invalid_body', extras: { issues: [issue] } };
}

/** Level by level, without recursion: a body of 1 MiB can be so deep that a recursion over it ends in a stack overflow. */
function isDeeper(value: unknown, levels: number): boolean {
  let level = [value].filter(isNested);
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth === levels) return true;
    level = level.flatMap((nested): unknown[] => Object.values(nested)).filter(isNested);
  }
  return false;
}

function isNested(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
