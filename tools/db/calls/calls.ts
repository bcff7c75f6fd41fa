import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format } from 'prettier';
import { z } from 'zod';
import type { Finding } from '../finding.ts';

/** The calls of the platform's first version (functions and pages). Written by hand, never shortened. */
export const PLATFORM_CALLS = 'supabase/calls/platform.json';
/** The calls of our own last release. Written by `npm run db:release`. */
export const RELEASED_CALLS = 'supabase/calls/released.json';

const types = z.record(z.string(), z.string());
const role = z.enum(['anon', 'authenticated', 'service_role']);
const privilege = z.enum(['select', 'insert', 'update', 'delete']);

/** A function of schema `public` as PostgREST calls it: by parameter names. */
const calledFunction = z.strictObject({
  /** Types by parameter: `required` without, `optional` with a default. */
  required: types,
  optional: types,
  returns: z.string(),
  executableBy: z.array(role),
});
export type CalledFunction = z.infer<typeof calledFunction>;

/** A table of schema `public`, as PostgREST reads and writes it. */
const calledTable = z.strictObject({
  columns: types,
  /** Columns that every insert must give. */
  required: z.array(z.string()),
  rights: z.partialRecord(role, z.array(privilege)),
});
export type CalledTable = z.infer<typeof calledTable>;

/** The database calls of one version's functions and pages. */
const calls = z.strictObject({
  version: z.string(),
  functions: z.record(z.string(), calledFunction),
  tables: z.record(z.string(), calledTable),
});
export type Calls = z.infer<typeof calls>;

/** @throws {Error} when the file is missing or malformed */
export async function readCalls(path: string): Promise<Calls> {
  return calls.parse(JSON.parse(await readFile(path, 'utf8')));
}

/** Whether the lists can be read, for the lint without a database. */
export async function lintCalls(project: string, paths: readonly string[]): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const path of paths) {
    try {
      await readCalls(join(project, path));
    } catch (error) {
      const reason = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
      findings.push({ where: path, rule: 'calls', message: `cannot be read: ${reason}` });
    }
  }
  return findings;
}

export async function writeCalls(path: string, given: Calls): Promise<void> {
  await writeFile(path, await format(JSON.stringify(given), { parser: 'json', printWidth: 110 }));
}
