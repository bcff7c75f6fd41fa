import type { z } from 'zod';
import { serverEnv, type ServerEnv } from '../../contracts/env.ts';

/** A fault of one variable. The message never contains its value. */
export interface EnvFault {
  name: string;
  message: string;
}

/** Variables are missing or malformed: no function works until they are set and the project is deployed again. */
export class InvalidEnvironment extends Error {
  override name = 'InvalidEnvironment';
  readonly faults: readonly EnvFault[];

  constructor(faults: readonly EnvFault[]) {
    const lines = faults.map(({ name, message }) => `${name}: ${message}`);
    super(`Invalid environment variables:\n  ${lines.join('\n  ')}`);
    this.faults = faults;
  }
}

/**
 * Reads the functions' configuration. Removes blanks and line breaks around values:
 * `openssl … | vercel env add NAME` stores a line break, which headers cannot contain. An empty variable counts as unset, as
 * in most .env files.
 * @throws {InvalidEnvironment} naming every variable that is missing or malformed, without its value
 */
export function readEnv(source: Readonly<Record<string, string | undefined>>): ServerEnv {
  const parsed = serverEnv.safeParse(trimmed(source), { error: nameMissing });
  if (parsed.success) return parsed.data;
  throw new InvalidEnvironment(
    parsed.error.issues.map(({ path, message }) => ({ name: path.join('.'), message })),
  );
}

/** The variables that have a value, trimmed. */
export function trimmed(source: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(source).flatMap(([name, value]) => {
      const text = value?.trim() ?? '';
      return text === '' ? [] : [[name, text] as const];
    }),
  );
}

const nameMissing: z.core.$ZodErrorMap = ({ input }) => (input === undefined ? 'is missing' : undefined);
