import { serverEnv, type ServerEnv } from '../../contracts/env.ts';

/**
 * Reads the functions' configuration. An empty variable counts as unset, as in most .env files.
 * @throws {Error} naming every variable that is missing or malformed, without its value.
 */
export function readEnv(source: Record<string, string | undefined>): ServerEnv {
  const present = Object.fromEntries(Object.entries(source).filter(([, value]) => value !== ''));
  const parsed = serverEnv.safeParse(present);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new Error(`The environment is not complete:\n  ${faults.join('\n  ')}`);
}
