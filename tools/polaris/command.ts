/** One command of `npm run polaris`. */
export interface Command {
  /** What follows its name, a line for each form. */
  forms: readonly string[];
  summary: string;
  /** What `--help` says beside the forms. */
  help?: string;
  /**
   * @returns false: it has said what went wrong, or what it found
   * @throws {WrongUse} and what `parseArgs` throws: the arguments are wrong
   */
  run(args: string[]): Promise<boolean>;
}

/** The command was called with arguments that it does not take. */
export class WrongUse extends Error {}

/** The only argument of a form such as `show ID`. */
export function onlyArgument(what: string, given: readonly string[]): string {
  const [only, ...rest] = given;
  if (only === undefined) throw new WrongUse(`${what} is missing.`);
  if (rest.length > 0) throw new WrongUse(`${what} is one argument, not ${given.length}.`);
  return only;
}
