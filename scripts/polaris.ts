/**
 * Operator commands, signed in as in the console: `npm run polaris -- sign-in EMAIL`, then for example `npm run polaris --
 * trace ID`. Exit status 0: done. 1: the command failed or reports a problem. 2: wrong arguments.
 */
import { isWrongUse } from '../tools/local/wrong-use.ts';
import type { Command } from '../tools/polaris/command.ts';
import { COMMANDS } from '../tools/polaris/commands.ts';
import { readable, say } from '../tools/polaris/say.ts';

const NAME_CHARACTERS = 11;

function usage(): string[] {
  return [
    'Usage: npm run polaris -- COMMAND',
    ...Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(NAME_CHARACTERS)}${summary}`),
    'COMMAND --help says more.',
  ];
}

function usageOf(name: string, { forms }: Command): string[] {
  return forms.map((form, index) =>
    `${index === 0 ? 'Usage: ' : '       '}npm run polaris -- ${name} ${form}`.trimEnd(),
  );
}

function complain(...lines: string[]): void {
  for (const line of lines) console.error(readable(line));
}

/** Returns the exit status. */
async function main([name = '', ...args]: string[]): Promise<0 | 1 | 2> {
  const isHelp = (argument: string) => argument === '--help' || argument === '-h';
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    if (isHelp(name)) say(...usage());
    else complain(...(name === '' ? [] : [`There is no command ${name}.`]), ...usage());
    return isHelp(name) ? 0 : 2;
  }
  if (args.some(isHelp)) {
    say(...usageOf(name, command), '', `It ${command.summary}.`, ...(command.help?.split('\n') ?? []));
    return 0;
  }
  try {
    return (await command.run(args)) ? 0 : 1;
  } catch (error) {
    if (isWrongUse(error)) {
      complain(...error.message.split('\n'), ...usageOf(name, command));
      return 2;
    }
    complain(error instanceof Error ? error.message : String(error));
    return 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
