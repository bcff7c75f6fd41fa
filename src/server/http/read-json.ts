import type { z } from 'zod';
import type { ProblemCode } from '../../contracts/problem.ts';
import { readRawBody } from './body.ts';
import { issuesOf, nameJsonText } from './issues.ts';
import { problem, type Issue, type ProblemExtras } from './problem.ts';
import { scanJson, type ScanOptions, type ShallowJson } from './scan-json.ts';

/**
 * Most levels of a signed body. Deeper than anybody means it, and no deeper than PostgreSQL can follow. What another body
 * brings lies one level deeper in the envelope that it is sent in.
 */
export const MAX_DEPTH = 100;

type JsonRead =
  | {
      ok: true;
      /** The body as it was sent: this is what is stored and passed on. */
      text: string;
      /** For schemas alone: numbers in it are rounded, and objects that are not opened are still text. */
      value: ShallowJson;
    }
  | { ok: false; code: Extract<ProblemCode, 'invalid_json' | 'invalid_body'>; extras: ProblemExtras };

/**
 * Reads bytes as JSON in UTF-8, as RFC 8259 has it: other bytes are refused, not replaced, and so is a byte order mark. What
 * cannot be stored as it was written is refused with its path.
 */
export function readJson(bytes: Uint8Array, options: Partial<ScanOptions> = {}): JsonRead {
  let text: string;
  try {
    // ignoreBOM keeps the mark in the text, where the scanner refuses it. Without it the text would differ from the bytes.
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
 * Reads and validates a JSON body, or makes the refusal.
 * @param open names of members whose objects and arrays the schema looks into; all others it gets as `JsonText`
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
