import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createClient } from '@supabase/supabase-js';
import { z } from 'zod';
import type { Database } from '../../src/contracts/database.types.ts';
import { projectDevFile } from '../../src/contracts/dev.ts';
import { dataDirectory } from '../local/data-directory.ts';

/** Where an operator is signed in, and what Supabase's client keeps of the session. */
const sessionFile = z.object({
  url: z.string(),
  publishableKey: z.string(),
  items: z.record(z.string(), z.string()),
});
type SessionFile = z.infer<typeof sessionFile>;
type Project = Pick<SessionFile, 'url' | 'publishableKey'>;

const path = () => join(dataDirectory(), 'session.json');

async function read(): Promise<SessionFile | null> {
  try {
    return sessionFile.parse(JSON.parse(await readFile(path(), 'utf8')));
  } catch {
    return null;
  }
}

/** Readable by nobody else: it holds the tokens of an operator. */
async function write(content: SessionFile): Promise<void> {
  await mkdir(dirname(path()), { recursive: true });
  await writeFile(path(), JSON.stringify(content), { mode: 0o600 });
  // The mode above is that of a new file only.
  await chmod(path(), 0o600);
}

function clientOf(project: Project) {
  // One process at a time writes the file, so that each change reads it anew.
  const items = async () => (await read())?.items ?? {};
  return createClient<Database>(project.url, project.publishableKey, {
    auth: {
      autoRefreshToken: false,
      detectSessionInUrl: false,
      storage: {
        getItem: async (key) => (await items())[key] ?? null,
        setItem: async (key, value) => write({ ...project, items: { ...(await items()), [key]: value } }),
        removeItem: async (key) => {
          const others = Object.entries(await items()).filter(([name]) => name !== key);
          await write({ ...project, items: Object.fromEntries(others) });
        },
      },
    },
  });
}
type OperatorClient = ReturnType<typeof clientOf>;

/**
 * The project of SUPABASE_URL and SUPABASE_PUBLISHABLE_KEY, else the local system that runs.
 * @throws {Error} when there is neither
 */
async function findProject(): Promise<Project> {
  const url = process.env['SUPABASE_URL']?.trim();
  const publishableKey = process.env['SUPABASE_PUBLISHABLE_KEY']?.trim();
  if (url && publishableKey) return { url, publishableKey };
  const text = await readFile(join(dataDirectory(), 'dev.json'), 'utf8').catch(() => {
    throw new Error('No project: set SUPABASE_URL and SUPABASE_PUBLISHABLE_KEY, or start npm run dev.');
  });
  const dev = projectDevFile.parse(JSON.parse(text));
  return { url: dev.supabaseUrl, publishableKey: dev.publishableKey };
}

/** @throws {Error} when the password is wrong, or the account is no operator's */
export async function signIn(email: string, password: string): Promise<void> {
  const project = await findProject();
  await rm(path(), { force: true });
  const client = clientOf(project);
  const { data, error } = await client.auth.signInWithPassword({ email, password });
  if (error !== null) throw new Error(`${email} could not be signed in: ${error.message}`);
  const { data: isOperator } = await client
    .from('operators')
    .select('user_id')
    .eq('user_id', data.user.id)
    .maybeSingle();
  if (isOperator !== null) return;
  await signOut();
  throw new Error(`${email} is no operator of ${project.url}.`);
}

export async function signOut(): Promise<void> {
  const content = await read();
  if (content !== null) await clientOf(content).auth.signOut({ scope: 'local' });
  await rm(path(), { force: true });
}

/** @throws {Error} when nobody is signed in, or the session is over */
export async function operatorClient(): Promise<OperatorClient> {
  const content = await read();
  if (content === null) throw new Error('Nobody is signed in: npm run polaris -- sign-in EMAIL.');
  const client = clientOf(content);
  const { data } = await client.auth.getSession();
  if (data.session === null) throw new Error('The session is over: npm run polaris -- sign-in EMAIL.');
  return client;
}
