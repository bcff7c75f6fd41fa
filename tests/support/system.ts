import { randomUUID } from 'node:crypto';
import postgres from 'postgres';
import { ensureAccount, makeOperator, type Account } from '../../tools/local/accounts.ts';
import { functionEnv, type SupabaseAccess } from '../../tools/local/function-env.ts';
import { asRole } from '../../tools/local/hosted-roles.ts';
import { createSecrets, type Secrets } from '../../tools/local/secrets.ts';
import { STORE_ROLE } from '../../src/server/store/routines.ts';
import { createReport, createTestDatabase, type ReportOptions } from './database.ts';
import { startTestFunctions, type TestFunctions } from './functions.ts';
import { startTestSupabase, type TestSupabase } from './supabase.ts';

export interface TestSystem extends AsyncDisposable {
  sql: postgres.Sql;
  databaseUrl: string;
  supabase: SupabaseAccess;
  /** The local API's process, to kill and start again; undefined on a project given by SUPABASE_URL. */
  supabaseProcess: TestSupabase | undefined;
  functions: TestFunctions;
  secrets: Secrets;
  /** What the functions were started with. */
  env: Record<string, string>;
  /** A function's address: `url('/api/reportJobsDb')`. */
  url: (path: string) => string;
  createUser(): Promise<Account>;
  createOperator(): Promise<Account>;
  createReport(options?: ReportOptions): Promise<{ userId: string; reportId: string }>;
  stop(): Promise<void>;
}

export interface TestSystemOptions {
  /** Entry points such as `api/webhooks/prelim-report.ts`; each costs a process. */
  functions: readonly string[];
  env?: Readonly<Record<string, string>>;
  /** Makes STORE_DATABASE_URL of the address of the database itself. Without it the functions have REST alone. */
  directStore?: (storeUrl: string) => string | Promise<string>;
  /** A module that every function's process loads first. */
  preload?: URL;
  /** Accepted beside the one that signs. */
  rotatedSecrets?: readonly string[];
}

interface Backend {
  sql: postgres.Sql;
  databaseUrl: string;
  supabase: SupabaseAccess;
  supabaseProcess: TestSupabase | undefined;
  stop(): Promise<void>;
}

/** A database, Supabase's API and the named functions, for one test file. */
export async function startTestSystem(options: TestSystemOptions): Promise<TestSystem> {
  const backend = await (process.env['SUPABASE_URL'] ? givenProject(process.env) : localProject());
  const secrets = createSecrets();
  const webhookSecret = [secrets.webhookSecret, ...(options.rotatedSecrets ?? [])].join(' ');
  const storeUrl = await options.directStore?.(asRole(backend.databaseUrl, STORE_ROLE));
  const env = {
    ...functionEnv(backend.supabase, { ...secrets, webhookSecret }),
    ...(storeUrl !== undefined && { STORE_DATABASE_URL: storeUrl }),
    ...options.env,
  };
  const functions = await startTestFunctions(options.functions, env, options.preload).catch(
    async (error: unknown) => {
      await backend.stop();
      throw error;
    },
  );
  const { sql } = backend;
  // The first sweep would ping, and five minutes later another one: requests that no test expects. Those about pings ask for it.
  await sql`update private.watch_state set next_ping_at = 'infinity' where only_row`;
  const users: string[] = [];

  async function createUser(): Promise<Account> {
    const credentials = { email: `${randomUUID()}@example.com`, password: randomUUID() };
    const account = await ensureAccount(backend.supabase, credentials, sql);
    users.push(account.id);
    return account;
  }
  async function stop(): Promise<void> {
    await functions.stop();
    if (backend.supabaseProcess === undefined) await sql`delete from auth.users where id in ${sql(users)}`;
    await backend.stop();
  }
  return {
    ...backend,
    functions,
    secrets,
    env: { WEBHOOK_BASE_URL: `${functions.url}/api/webhooks`, ...env },
    url: (path) => functions.url + path,
    createUser,
    async createOperator() {
      const account = await createUser();
      await makeOperator(sql, account.id);
      return account;
    },
    async createReport(report) {
      const created = await createReport(sql, report);
      users.push(created.userId);
      return created;
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function localProject(): Promise<Backend> {
  const database = await createTestDatabase();
  const supabase = await startTestSupabase(database.url).catch(async (error: unknown) => {
    await database.drop();
    throw error;
  });
  return {
    sql: database.sql,
    databaseUrl: database.url,
    supabase,
    supabaseProcess: supabase,
    async stop() {
      await supabase.stop();
      await database.drop();
    },
  };
}

/** A project that runs already, migrated: its rows are shared, so that only the users made here are removed. */
function givenProject(env: NodeJS.ProcessEnv): Promise<Backend> {
  const read = (name: string) => {
    const value = env[name];
    if (!value) throw new Error(`SUPABASE_URL is set, so ${name} is needed as well`);
    return value;
  };
  const databaseUrl = read('DATABASE_URL');
  const sql = postgres(databaseUrl, { max: 10, onnotice: () => undefined });
  return Promise.resolve({
    sql,
    databaseUrl,
    supabase: {
      url: read('SUPABASE_URL'),
      publishableKey: read('SUPABASE_PUBLISHABLE_KEY'),
      secretKey: read('SUPABASE_SECRET_KEY'),
    },
    supabaseProcess: undefined,
    stop: () => sql.end(),
  });
}
