import { parseArgs } from 'node:util';
import { onlyArgument, type Command } from './command.ts';
import { readHidden } from './read-line.ts';
import { say } from './say.ts';
import { signIn, signOut } from './session.ts';

export const signInCommand: Command = {
  forms: ['EMAIL'],
  summary: 'signs in as an operator; asks for the password, or reads it from standard input',
  help: `Signs in at SUPABASE_URL with SUPABASE_PUBLISHABLE_KEY, for the deployment of WEBHOOK_BASE_URL; without them, at the local
system that runs. The session stands in $POLARIS_DATA_DIR/session.json, which only you can read.`,
  async run(args) {
    const email = onlyArgument('EMAIL', parseArgs({ args, allowPositionals: true }).positionals);
    const project = await signIn(email, await readHidden('Password: '));
    say(`Signed in as ${email} at ${project}.`);
    return true;
  },
};

export const signOutCommand: Command = {
  forms: [''],
  summary: 'ends the session',
  async run(args) {
    parseArgs({ args });
    await signOut();
    say('Signed out.');
    return true;
  },
};
