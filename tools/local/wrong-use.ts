import { inspect } from 'node:util';

/** A program does not accept its arguments. */
export class WrongUse extends Error {}

/** Whether a program or `parseArgs` rejected the arguments. */
export function isWrongUse(error: unknown): error is Error {
  const code = error instanceof TypeError && 'code' in error ? String(error.code) : '';
  return error instanceof WrongUse || code.startsWith('ERR_PARSE_ARGS_');
}

/** Why a program failed, for its developer: with stack and causes, unless only the arguments are wrong. */
export function describeError(error: unknown): string {
  return isWrongUse(error) ? error.message : inspect(error);
}
