import { WrongUse } from '../local/wrong-use.ts';

/** One command of `npm run polaris`. */
export interface Command {
  /** Arguments after the command's name, one line per form. */
  forms: readonly string[];
  summary: string;
  /** Text of `--help` below the forms. */
  help?: string;
  /**
   * @returns false if the command failed or reported a problem, which it has printed
   * @throws {WrongUse} and the errors of `parseArgs`: the arguments are wrong
   */
  run(args: string[]): Promise<boolean>;
}

/** Reads the only argument of a form such as `show ID`. */
export function onlyArgument(what: string, given: readonly string[]): string {
  const [only, ...rest] = given;
  if (only === undefined) throw new WrongUse(`${what} is missing.`);
  if (rest.length > 0) throw new WrongUse(`${what} is one argument, not ${given.length}.`);
  return only;
}
