/**
 * Answers a request of erasure: `npm run erase -- --user ID`, with the database in DATABASE_URL (session pooler or direct, as the
 * owner `postgres`). It deletes the reports of a user, erases their content and that of the user's jobs, and names what the
 * platform's tables still hold. `--from FILE` repeats the erasures that a log has a line of, such as after a restore.
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type postgres from 'postgres';
import { z } from 'zod';
import { connect } from '../tools/local/connect.ts';
import { databaseUrl } from '../tools/local/database-url.ts';

const USAGE = 'Usage: npm run erase -- --user ID, or npm run erase -- --from FILE.';

/** Reports, and rows of each kind of one of them, in one transaction. */
const BATCH = 100;
/** How long others may hold what is to be erased. What is left then, the next sweeps erase. */
const PATIENCE_MS = 30_000;

const erased = z.object({ reports: z.int(), users: z.array(z.guid()), busy: z.boolean(), left: z.boolean() });
const line = z.object({ erased: z.guid() });

/** The users whose erasure a log has a line of, each once. Whatever else stands in the log is skipped. */
function usersIn(log: string): string[] {
  const users = log.split('\n').flatMap((text) => {
    try {
      const parsed = line.safeParse(JSON.parse(text.slice(Math.max(0, text.indexOf('{')))));
      return parsed.success ? [parsed.data.erased.toLowerCase()] : [];
    } catch {
      return [];
    }
  });
  return [...new Set(users)];
}

/** Whether nothing of ours is left of the user. */
async function erase(sql: postgres.Sql, user: string): Promise<boolean> {
  const before = await sql<
    { what: string; things: string }[]
  >`select * from private.content_of_user(${user})`;
  await sql`insert into private.erasures (user_id) values (${user}) on conflict do nothing`;
  let left = true;
  for (let waitedFrom = Date.now(); left && Date.now() - waitedFrom < PATIENCE_MS;) {
    const [row] = await sql`select public.erase_due(${BATCH}, ${user}) as answer`;
    const answer = erased.parse(row?.['answer']);
    ({ left } = answer);
    if (answer.busy || answer.reports + answer.users.length > 0) waitedFrom = Date.now();
    else if (left) await sleep(200);
  }
  const after = new Map(
    (await sql<{ what: string; things: string }[]>`select * from private.content_of_user(${user})`).map(
      ({ what, things }) => [what, Number(things)],
    ),
  );
  console.log(`erase: user ${user}`);
  for (const { what, things } of before) {
    const rest = after.get(what) ?? 0;
    console.log(`  ${what}: ${Number(things) - rest} erased${rest > 0 ? `, ${rest} left` : ''}`);
  }
  const kept = await sql<
    { place: string; things: string }[]
  >`select * from private.kept_by_platform(${user})`;
  console.log(
    kept.length === 0 ? '  The platform holds nothing.' : '  The platform still holds, in so many rows:',
  );
  for (const { place, things } of kept) console.log(`    ${place}: ${things}`);
  if (left) {
    console.error(
      'erase: not finished, since other transactions hold the rest. The next sweeps go on; run it again.',
    );
    return false;
  }
  console.log(JSON.stringify({ erased: user, time: new Date().toISOString() }));
  return true;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { user: { type: 'string' }, from: { type: 'string' } } });
  const users = [];
  if (values.user !== undefined) {
    const user = z.guid().safeParse(values.user);
    if (!user.success) throw new Error(`${values.user} is no id of a user: it is a UUID. ${USAGE}`);
    users.push(user.data.toLowerCase());
  }
  if (values.from !== undefined) users.push(...usersIn(await readFile(values.from, 'utf8')));
  if (values.user === undefined && values.from === undefined) throw new Error(USAGE);
  if (users.length === 0) {
    console.log('erase: the file names no erasure.');
    return;
  }
  const sql = await connect(await databaseUrl());
  try {
    for (const user of users) if (!(await erase(sql, user))) process.exitCode = 1;
  } finally {
    await sql.end();
  }
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
