import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AuthClient, createClient, isAuthRetryableFetchError, type AuthError } from '@supabase/supabase-js';
import { z } from 'zod';
import type { Database } from '../../src/contracts/database.types.ts';
import { isLoopback, projectAddress, splitList, webhookAddresses } from '../../src/contracts/env-values.ts';
import { ask, sessionOf } from '../../src/services/answer.ts';
import type { DatabaseClient } from '../../src/services/database.ts';
import { dataDirectory, readDevFile } from '../local/data-directory.ts';
import { answered, UNREACHABLE } from './answered.ts';

/** The project that an operator is signed in to, and what Supabase's client stores of the session. */
const sessionFile = z.object({
  url: z.string(),
  publishableKey: z.string(),
  /** Base of `/api`. The access token is sent only there and to `url`. */
  baseUrl: z.string(),
  items: z.record(z.string(), z.string()),
});
type SessionFile = z.infer<typeof sessionFile>;
type Project = Omit<SessionFile, 'items'>;

const path = () => join(dataDirectory(), 'session.json');

async function read(): Promise<SessionFile | null> {
  try {
    return sessionFile.parse(JSON.parse(await readFile(path(), 'utf8')));
  } catch {
    return null;
  }
}

/** Readable by the owner only, since it contains an operator's tokens. */
async function write(content: SessionFile): Promise<void> {
  await mkdir(dirname(path()), { recursive: true });
  const draft = `${path()}.${process.pid}`;
  await writeFile(draft, JSON.stringify(content), { mode: 0o600 });
  // Renamed into place, so that another command never reads half a file.
  await rename(draft, path());
}

/** Refuses a file that other users may have read. Windows has no such modes. */
async function refuseOpenFile(): Promise<void> {
  if (process.platform === 'win32') return;
  const mode = (await stat(path()).catch(() => undefined))?.mode ?? 0;
  if ((mode & 0o077) === 0) return;
  throw new Error(
    `Other users of this machine can read ${path()} (mode ${(mode & 0o777).toString(8)}). Sign out, which ends the session, and sign in again.`,
  );
}

/** Auth is a client of its own: the one inside `createClient` prints a stack trace when a session cannot be refreshed. */
function clientOf({ url, publishableKey, baseUrl }: Project) {
  const project = { url, publishableKey, baseUrl };
  // Reads the file again before each change. Only one process at a time may write it.
  const items = async () => (await read())?.items ?? {};
  const auth = new AuthClient({
    url: new URL('auth/v1', url).href,
    headers: { apikey: publishableKey, Authorization: `Bearer ${publishableKey}` },
    autoRefreshToken: false,
    detectSessionInUrl: false,
    persistSession: true,
    storageKey: 'polaris-session',
    storage: {
      getItem: async (key) => (await items())[key] ?? null,
      setItem: async (key, value) => write({ ...project, items: { ...(await items()), [key]: value } }),
      removeItem: async (key) => {
        const others = Object.entries(await items()).filter(([name]) => name !== key);
        await write({ ...project, items: Object.fromEntries(others) });
      },
    },
  });
  const database = createClient<Database>(url, publishableKey, {
    accessToken: async () => (await auth.getSession()).data.session?.access_token ?? null,
  });
  const from: DatabaseClient['from'] = database.from.bind(database);
  const rpc: DatabaseClient['rpc'] = database.rpc.bind(database);
  return { auth, from, rpc };
}

/** The signed-in operator: their client, and the address of `/api`. */
export interface Operator {
  /** Address of the project. */
  project: string;
  client: DatabaseClient;
  api: { baseUrl: string };
}

/** Whether the key bypasses row level security. No command may use such a key. */
function isServiceKey(key: string): boolean {
  if (key.startsWith('sb_secret_')) return true;
  try {
    const payload: unknown = JSON.parse(Buffer.from(key.split('.')[1] ?? '', 'base64url').toString());
    return z.object({ role: z.literal('service_role') }).safeParse(payload).success;
  } catch {
    return false;
  }
}

/** Reads a variable that must be an address. Errors do not repeat its value. */
function address(name: string, schema: z.ZodType<string>, value: string | undefined): string {
  const parsed = schema.safeParse(value ?? '');
  if (parsed.success) return parsed.data;
  throw new Error(`${name} ${parsed.error.issues[0]?.message ?? 'is malformed'}.`);
}

/** Passwords and tokens must be encrypted in transit, unless they stay on this machine. */
const supabaseAddress = projectAddress.refine(
  (value) => URL.parse(value)?.protocol !== 'http:' || isLoopback(URL.parse(value)?.hostname ?? ''),
  { error: 'must begin with https:// unless the host is localhost' },
);

/** The base of `/api`, by the first address in WEBHOOK_BASE_URL. */
function deploymentOf(variable: string | undefined): string {
  const webhooks = address('WEBHOOK_BASE_URL', webhookAddresses, variable?.trim());
  return (splitList(webhooks)[0] ?? '').replace(/\/api\/webhooks$/, '');
}

/**
 * The project of SUPABASE_URL and SUPABASE_PUBLISHABLE_KEY with the deployment of WEBHOOK_BASE_URL, else the running local
 * system.
 * @throws {Error} if there is neither
 */
async function findProject(): Promise<Project> {
  const url = process.env['SUPABASE_URL']?.trim();
  const publishableKey = process.env['SUPABASE_PUBLISHABLE_KEY']?.trim();
  if (url && publishableKey) {
    if (isServiceKey(publishableKey)) {
      throw new Error(
        'SUPABASE_PUBLISHABLE_KEY is a secret key. Set the publishable key: operators need no other.',
      );
    }
    return {
      url: address('SUPABASE_URL', supabaseAddress, url),
      publishableKey,
      baseUrl: deploymentOf(process.env['WEBHOOK_BASE_URL']),
    };
  }
  if (url || publishableKey) {
    throw new Error(
      `${url ? 'SUPABASE_PUBLISHABLE_KEY' : 'SUPABASE_URL'} is not set: set both, or neither for the local system.`,
    );
  }
  const dev = await readDevFile();
  if (dev === null) {
    throw new Error(
      'No project: set SUPABASE_URL, SUPABASE_PUBLISHABLE_KEY and WEBHOOK_BASE_URL, or start npm run dev.',
    );
  }
  return { url: dev.supabaseUrl, publishableKey: dev.publishableKey, baseUrl: dev.url };
}

/** Where Auth itself did not answer, its client's message says nothing: `fetch failed` or `{}`. */
function whyRefused(error: AuthError): string {
  if (!isAuthRetryableFetchError(error)) return `${error.message}.`;
  return error.status ? `Auth is unavailable (${error.status}). Try again in a moment.` : UNREACHABLE;
}

/**
 * @returns the address of the project
 * @throws {Error} if the password is wrong, the account is not an operator's, or the database cannot be asked
 */
export async function signIn(email: string, password: string): Promise<string> {
  if (password === '') throw new Error('No password was given: nothing was changed.');
  const project = await findProject();
  const client = clientOf(project);
  const { data, error } = await client.auth.signInWithPassword({ email, password });
  if (error !== null) throw new Error(`${email} could not be signed in: ${whyRefused(error)}`);
  const found = client.from('operators').select('user_id').eq('user_id', data.user.id);
  try {
    const rows = await answered(ask(client, found, z.array(z.object({ user_id: z.string() }))));
    if (rows.length === 0) throw new Error(`${email} is not an operator of ${project.url}.`);
  } catch (cause) {
    await signOut();
    throw cause;
  }
  return project.url;
}

/** With these statuses, Auth rejects the session itself, which has ended before. With 429, for example, the session goes on. */
const HAS_ENDED = new Set([400, 401, 403, 404]);

/** @throws {Error} if Auth could not end the session; the session is kept then */
export async function signOut(): Promise<void> {
  const content = await read();
  const { error } =
    content === null ? { error: null } : await clientOf(content).auth.signOut({ scope: 'local' });
  if (error !== null && !HAS_ENDED.has(error.status ?? 0)) {
    throw new Error(`Auth did not end the session, and it is kept: ${whyRefused(error)}`);
  }
  await rm(path(), { force: true });
}

/**
 * Commands act on the project of the session. If the environment names another project, the operator probably means that one:
 * refuse.
 */
function refuseOtherProject({ url, baseUrl }: SessionFile): void {
  const named = process.env['SUPABASE_URL']?.trim();
  const deployment = process.env['WEBHOOK_BASE_URL']?.trim();
  const isOther =
    (named && URL.parse(named)?.origin !== URL.parse(url)?.origin) ||
    (named && deployment && deploymentOf(deployment) !== baseUrl);
  if (!isOther) return;
  throw new Error(
    `The session is of ${url} with ${baseUrl}, and SUPABASE_URL or WEBHOOK_BASE_URL names another project or deployment. Sign in there, or unset both.`,
  );
}

/** @throws {Error} if nobody is signed in, the session is over, or the environment names another project */
export async function signedIn(): Promise<Operator> {
  await refuseOpenFile();
  const content = await read();
  if (content === null) throw new Error('Nobody is signed in: npm run polaris -- sign-in EMAIL.');
  refuseOtherProject(content);
  const client = clientOf(content);
  await answered(sessionOf(client));
  return { project: content.url, client, api: { baseUrl: content.baseUrl } };
}
