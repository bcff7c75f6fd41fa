import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format } from 'prettier';
import { z } from 'zod';
import type { Finding } from '../finding.ts';

/** Of the first version of the platform, whose functions and pages call our database: written by hand, never shortened. */
export const PLATFORM_CALLS = 'supabase/calls/platform.json';
/** Of our own last release: written by `npm run db:release`. */
export const RELEASED_CALLS = 'supabase/calls/released.json';

const types = z.record(z.string(), z.string());
const role = z.enum(['anon', 'authenticated', 'service_role']);
const privilege = z.enum(['select', 'insert', 'update', 'delete']);

/** A function of schema `public`, as PostgREST calls it: by the names of its parameters. */
const calledFunction = z.strictObject({
  /** Parameters to their types: those that every call gives, and those with a default. */
  required: types,
  optional: types,
  returns: z.string(),
  executableBy: z.array(role),
});
export type CalledFunction = z.infer<typeof calledFunction>;

/** A table of schema `public`, as PostgREST reads and writes it. */
const calledTable = z.strictObject({
  columns: types,
  /** Columns that an insert has to give. */
  required: z.array(z.string()),
  rights: z.partialRecord(role, z.array(privilege)),
});
export type CalledTable = z.infer<typeof calledTable>;

/** What the functions and pages of a version call in the database. */
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

/** For a check of the files alone. */
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
