import type { z } from 'zod';
import type { ProblemCode } from '../../contracts/problem.ts';
import { readRawBody } from './body.ts';
import { issuesOf, nameJsonText } from './issues.ts';
import { problem, type Issue, type ProblemExtras } from './problem.ts';
import { scanJson, type ScanOptions, type ShallowJson } from './scan-json.ts';

/**
 * Maximum nesting of a signed body: deeper than any real one, and within PostgreSQL's limit. Other bodies are allowed one
 * level less, since they are sent on inside an envelope.
 */
export const MAX_DEPTH = 100;

type JsonRead =
  | {
      ok: true;
      /** The body exactly as sent; this text is stored and passed on. */
      text: string;
      /** For schemas only: numbers are rounded, and unopened objects are still text. */
      value: ShallowJson;
    }
  | { ok: false; code: Extract<ProblemCode, 'invalid_json' | 'invalid_body'>; extras: ProblemExtras };

/**
 * Reads bytes as JSON in UTF-8 by RFC 8259: rejects other bytes, and a byte order mark, and replaces nothing. Rejects values
 * that cannot be stored as written, with their path.
 */
export function readJson(bytes: Uint8Array, options: Partial<ScanOptions> = {}): JsonRead {
  let text: string;
  try {
    // ignoreBOM keeps the mark in the text, where the scanner rejects it. Otherwise the text would differ from the bytes.
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return { ok: false, code: 'invalid_json', extras: {} };
  }
  return readJsonText(text, options);
}

/** The same for decoded text, such as an item of a body. */
export function readJsonText(
  text: string,
  { maxDepth = MAX_DEPTH, open = [], apart }: Partial<ScanOptions> = {},
): JsonRead {
  const scanned = scanJson(text, { maxDepth, open, ...(apart !== undefined && { apart }) });
  if (scanned.ok) return { ok: true, text, value: scanned.value };
  if (scanned.issue === null) return { ok: false, code: 'invalid_json', extras: {} };
  return { ok: false, code: 'invalid_body', extras: { issues: [scanned.issue] } };
}

/** Validates a value that `readJson` read. */
export function validate<T>(
  schema: z.ZodType<T>,
  value: ShallowJson,
): { ok: true; value: T } | { ok: false; issues: Issue[] } {
  const parsed = schema.safeParse(value, { error: nameJsonText });
  return parsed.success ? { ok: true, value: parsed.data } : { ok: false, issues: issuesOf(parsed.error) };
}

type Parsed<T> = { ok: true; text: string; value: T } | { ok: false; code: ProblemCode; answer: Response };

/**
 * Reads and validates a JSON body, or returns the refusal.
 * @param open names of members whose objects and arrays the schema reads; it gets all others as `JsonText`
 */
export async function parseJsonBody<T>(
  request: Request,
  schema: z.ZodType<T>,
  open: readonly string[] = [],
): Promise<Parsed<T>> {
  const refuse = (code: ProblemCode, extras?: ProblemExtras) => ({
    ok: false as const,
    code,
    answer: problem(code, extras),
  });
  const raw = await readRawBody(request);
  if (!raw.ok) return refuse(raw.code, raw.extras);
  const json = readJson(raw.bytes, { maxDepth: MAX_DEPTH - 1, open });
  if (!json.ok) return refuse(json.code, json.extras);
  const validated = validate(schema, json.value);
  if (validated.ok) return { ok: true, text: json.text, value: validated.value };
  return refuse('invalid_body', { issues: validated.issues });
}
