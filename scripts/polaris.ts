/**
 * What an operator does at the command line, signed in as at the console: `npm run polaris -- sign-in EMAIL`, then
 * `npm run polaris -- trace ID`.
 */
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { tracesFound } from '../src/contracts/trace.ts';
import { printTraces } from '../tools/polaris/print-trace.ts';
import { operatorClient, signIn, signOut } from '../tools/polaris/session.ts';

const USAGE = `Usage: npm run polaris -- COMMAND
  sign-in EMAIL  as an operator; asks for the password, or reads it from standard input
  sign-out
  trace ID       what came of a request: the id of a report, a job, an event or a trace`;

/** Asked without showing what is typed; where nobody types, the first line of standard input. */
async function readPassword(): Promise<string> {
  const isTyped = process.stdin.isTTY;
  if (isTyped) process.stderr.write('Password: ');
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: isTyped });
  try {
    for await (const line of lines) return line;
    return '';
  } finally {
    lines.close();
    if (isTyped) process.stderr.write('\n');
  }
}

/** Each with what it takes. */
const COMMANDS: Record<string, { arguments: number; run: (argument: string) => Promise<string> }> = {
  'sign-in': {
    arguments: 1,
    run: async (email) => {
      await signIn(email, await readPassword());
      return `Signed in as ${email}.`;
    },
  },
  'sign-out': {
    arguments: 0,
    run: async () => {
      await signOut();
      return 'Signed out.';
    },
  },
  trace: {
    arguments: 1,
    run: async (id) => {
      const client = await operatorClient();
      const { data, error } = await client.rpc('trace', { p_id: id });
      if (error !== null) throw new Error(`The database refused: ${error.message}`);
      return printTraces(tracesFound.parse(data));
    },
  },
};

async function main([name = '', ...given]: string[]): Promise<void> {
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command?.arguments !== given.length) throw new Error(USAGE);
  console.log(await command.run(given[0] ?? ''));
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
