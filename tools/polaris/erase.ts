import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import type { AccountContent, ErasedAccount } from '../../src/contracts/erasure.ts';
import { eraseAccount, findAccountContent } from '../../src/services/erasure.ts';
import { WrongUse } from '../local/wrong-use.ts';
import { answered, NotSignedIn } from './answered.ts';
import { onlyArgument, type Command } from './command.ts';
import { namedErasures } from './named-erasures.ts';
import { readLine } from './read-line.ts';
import { say } from './say.ts';
import { signedIn, type Operator } from './session.ts';

/**
 * Stops after this many calls in a row that erase nothing because other transactions hold the rest. Each call waits 5
 * seconds; the sweeps continue.
 */
const PATIENCE_CALLS = 2;

function countLeft({ erased }: ErasedAccount): number {
  return erased.reduce((sum, { left }) => sum + left, 0);
}

/** Returns whether everything of ours about the user is erased. */
async function erase({ client, api }: Operator, before: AccountContent): Promise<boolean> {
  const { user_id } = before;
  let answer = await answered(eraseAccount(client, user_id, api));
  for (let idle = 0; !answer.finished && idle < PATIENCE_CALLS;) {
    const left = countLeft(answer);
    answer = await answered(eraseAccount(client, user_id, api));
    idle = countLeft(answer) < left ? 0 : idle + 1;
  }
  const rest = new Map(answer.erased.map(({ what, left }) => [what, left]));
  say(`user ${user_id}`);
  for (const { what, things } of before.content) {
    const left = rest.get(what) ?? 0;
    say(`  ${what}: ${Math.max(things - left, 0)} erased${left > 0 ? `, ${left} left` : ''}`);
  }
  sayKept(answer.kept);
  if (!answer.finished) {
    say('Not finished, since other transactions hold the rest. The next sweeps go on; run it again.');
    return false;
  }
  say(JSON.stringify({ erased: user_id, time: new Date().toISOString() }));
  return true;
}

function sayKept(kept: AccountContent['kept']): void {
  say(kept.length === 0 ? '  The platform holds nothing.' : '  The platform still holds, in so many rows:');
  for (const { place, things } of kept) say(`    ${place}: ${things}`);
}

/** @throws {Error} if the operator types something else */
async function confirm(question: string, expected: string): Promise<void> {
  const typed = (await readLine(question)).trim().toLowerCase();
  if (typed !== expected) throw new Error('Not confirmed: nothing was erased.');
}

async function eraseOne(operator: Operator, user: string, isConfirmed: boolean): Promise<boolean> {
  const account = await answered(findAccountContent(operator.client, user, operator.api));
  if (!isConfirmed) {
    say(
      `user ${user}, whose account ${account.has_account ? 'exists, and is not deleted' : 'is deleted, or was never made'}`,
    );
    for (const { what, things } of account.content) say(`  ${what}: ${things}`);
    say(`at ${operator.project}`);
    await confirm('This cannot be undone. Type the id of the user to erase this: ', user);
  }
  return erase(operator, account);
}

/** Continues with the other users if one cannot be erased. */
async function eraseAll(
  operator: Operator,
  { users, unread }: ReturnType<typeof namedErasures>,
  isConfirmed: boolean,
): Promise<boolean> {
  if (users.length === 0) say('The file names no erasure.');
  if (users.length > 0 && !isConfirmed) {
    say(...users, `at ${operator.project}`);
    await confirm(
      `This cannot be undone. Type the number of these users, ${users.length}, to erase all that is theirs: `,
      String(users.length),
    );
  }
  let areDone = users.length > 0 && unread.length === 0;
  for (const user of users) {
    try {
      const account = await answered(findAccountContent(operator.client, user, operator.api));
      if (!(await erase(operator, account))) areDone = false;
    } catch (error) {
      if (error instanceof NotSignedIn) throw error;
      areDone = false;
      say(`user ${user}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  if (unread.length > 0) {
    say('Not erased, since the file names these users in lines that could not be read:', ...unread);
  }
  return areDone;
}

export const eraseCommand: Command = {
  forms: ['USER_ID [--yes]', '--from FILE [--yes]'],
  summary: 'answers a request of erasure, or repeats those of a log after a restore',
  help: `Deletes the reports of a user and erases the content of their jobs and events. Ids, order and audit stay, and the audit names you.
It shows what will go, and asks; --yes does not ask. It then prints what went and what the platform's own tables still hold, and a line
{"erased": …}: keep that line where a restore of the database does not reach. --from FILE repeats each erasure that a line of the file
names, in the form of a log drain too. A user is named by the id alone, since shells keep what is typed; the console finds it by address.`,
  async run(args) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { from: { type: 'string' }, yes: { type: 'boolean', default: false } },
    });
    if (values.from !== undefined) {
      if (positionals.length > 0) throw new WrongUse('USER_ID and --from exclude each other.');
      const named = namedErasures(await readFile(values.from));
      return eraseAll(await signedIn(), named, values.yes);
    }
    const user = z.guid().safeParse(onlyArgument('USER_ID', positionals));
    if (!user.success) throw new WrongUse(`${positionals.join(' ')} is not an id of a user (a UUID).`);
    return eraseOne(await signedIn(), user.data.toLowerCase(), values.yes);
  },
};
