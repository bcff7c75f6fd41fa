import postgres from 'postgres';
import type { ProjectDevFile } from '../../src/contracts/dev.ts';
import { ensureAccount, makeOperator, type Account } from './accounts.ts';
import { databaseDirectory } from './data-directory.ts';
import { isLocal } from './database-url.ts';
import { endConnections } from './end-connections.ts';
import type { FunctionsState } from './functions.ts';
import { functionEnv, passedOnEnv, type SupabaseAccess } from './function-env.ts';
import { migrate } from './migrate.ts';
import { requireSameHistory } from './migration-history.ts';
import { loadSecrets, type Secrets } from './secrets.ts';
import {
  startFunctionsService,
  startPostgresService,
  startSupabaseApiService,
  type FunctionsService,
} from './services.ts';
import { prepareDatabase } from './prepare-database.ts';
import type { LocalStore } from './store-option.ts';
import { openStoreRole } from './store-role.ts';
import { noticeSlowStart } from './slow-start.ts';
import type { Service } from './start-service.ts';
import { supervise } from './supervise.ts';

interface LocalSystemOptions {
  directory: string;
  ports: { supabaseApi: number; database: number; functions: number };
  /** How the functions reach the database. Default: `rest`. STORE_DATABASE_URL takes precedence. */
  store?: LocalStore;
  /** Additional environment of the functions. */
  env?: Readonly<Record<string, string>>;
  /** Additional environment of the functions' host process: options for Node, which the functions inherit. */
  hostEnv?: Readonly<Record<string, string>>;
  /** Called with each line that the services print. */
  onLine: (line: string) => void;
  /** Called before each step. */
  onStep?: (step: string) => void;
  /** Aborts the start between two steps. */
  signal?: AbortSignal;
  /** Restarts services that end unexpectedly, for systems that run for long. */
  isSupervised?: boolean;
}

export interface LocalSystem extends AsyncDisposable {
  functions: FunctionsService;
  secrets: Secrets;
  /** Undefined if the project is not on this machine: no accounts are created there. */
  accounts: Accounts | undefined;
  /** Content of `dev.json`; `url` is the address of the functions' host. */
  dev: ProjectDevFile;
  /** Supervised systems only: fulfilled with the reason when a service keeps ending. */
  failed: Promise<Error>;
}

/** How long functions may take to finish the work after their answers. */
const DRAIN_MS = 20_000;

/** Starts the database, the Supabase API and the functions. If one of them fails to start, stops the others. */
export async function startLocalSystem(options: LocalSystemOptions): Promise<LocalSystem> {
  await using stack = new AsyncDisposableStack();
  const step = (name: string) => {
    options.signal?.throwIfAborted();
    options.onStep?.(name);
  };
  const secrets = await loadSecrets(options.directory);
  const failures: Promise<Error>[] = [];
  const run: Run = async (name, start) => {
    if (options.isSupervised !== true) return start(undefined);
    const service = await supervise(start, { name, onLine: options.onLine });
    failures.push(service.gaveUp);
    return service;
  };
  const { databaseUrl, supabase } = process.env['SUPABASE_URL']
    ? givenProject()
    : await startSupabase(options, secrets, { stack, step, run });

  const accounts = await makeAccounts({ databaseUrl, supabase }, secrets, options, step);

  step('functions');
  const storeUrl = await openStore(options.store ?? 'rest', databaseUrl);
  const env = {
    ...functionEnv(supabase, secrets),
    ...(storeUrl !== undefined && { STORE_DATABASE_URL: storeUrl }),
    ...passedOnEnv(),
    ...options.env,
  };
  const functions = await run<FunctionsState>('the functions', (last) => {
    // Any free port at first; after a restart the same one, which others use by then.
    const port = last === undefined ? options.ports.functions : Number(new URL(last.url).port);
    return startFunctionsService(
      { port, env },
      { onLine: options.onLine, ...(options.hostEnv && { env: options.hostEnv }) },
    );
  });
  stack.defer(() => functions.stop(DRAIN_MS));
  options.signal?.throwIfAborted();
  const { webhookSecret, pipelineApiKey, cronSecret } = secrets;
  const started = stack.move();
  return {
    functions,
    secrets,
    accounts,
    dev: {
      url: functions.state().url,
      supabaseUrl: supabase.url,
      databaseUrl,
      ...(storeUrl !== undefined && { storeDatabaseUrl: storeUrl }),
      publishableKey: supabase.publishableKey,
      secretKey: supabase.secretKey,
      webhookSecret,
      pipelineApiKey,
      cronSecret,
      ...(accounts && { operator: signInOf(accounts.operator), user: signInOf(accounts.user) }),
    },
    failed: Promise.race(failures),
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

/** Undefined: the functions use REST. The password of a remote project's role must be set by its operator. */
async function openStore(store: LocalStore, databaseUrl: string): Promise<string | undefined> {
  const given = process.env['STORE_DATABASE_URL'];
  if (given !== undefined && given !== '') return given;
  if (store === 'rest') return undefined;
  if (isLocal(databaseUrl)) return openStoreRole(databaseUrl);
  throw new Error(
    'The database is not on this machine: set STORE_DATABASE_URL (docs/operations.md, Direct connection) instead of --store direct.',
  );
}

/** Starts a service, under supervision if the system is supervised. */
type Run = <State>(
  name: string,
  start: (last: State | undefined) => Promise<Service<State>>,
) => Promise<Service<State>>;

interface Accounts {
  operator: Account;
  user: Account;
}

/**
 * Creates both accounts. Only if database and project are on this machine: elsewhere this would create an operator with a
 * known password.
 */
async function makeAccounts(
  { databaseUrl, supabase }: Supabase,
  secrets: Secrets,
  { onLine }: LocalSystemOptions,
  step: (name: string) => void,
): Promise<Accounts | undefined> {
  if (!isLocal(databaseUrl) || !isLocal(supabase.url)) {
    onLine(
      `${supabase.url} is not on this machine: no accounts are made there. Sign in with an account of your own.`,
    );
    return undefined;
  }
  step('accounts');
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => undefined });
  try {
    const operator = await ensureAccount(
      supabase,
      { email: 'operator@example.com', password: secrets.operatorPassword },
      sql,
    );
    await makeOperator(sql, operator.id);
    const user = await ensureAccount(
      supabase,
      { email: 'user@example.com', password: secrets.userPassword },
      sql,
    );
    return { operator, user };
  } finally {
    await endConnections(sql);
  }
}

function signInOf({ id, email, password }: Account) {
  return { id, email, password };
}

interface Supabase {
  databaseUrl: string;
  supabase: SupabaseAccess;
}

async function startSupabase(
  { directory, ports, onLine }: LocalSystemOptions,
  { databasePassword, jwtSecret, publishableKey, secretKey }: Secrets,
  { stack, step, run }: { stack: AsyncDisposableStack; step: (name: string) => void; run: Run },
): Promise<Supabase> {
  step('database');
  const database = await run('PostgreSQL', () =>
    startPostgresService(
      {
        directory: databaseDirectory(directory),
        port: ports.database,
        password: databasePassword,
        portVariable: 'SUPABASE_DB_PORT',
      },
      { onLine },
    ),
  );
  stack.defer(() => database.stop());
  const databaseUrl = database.state().url;
  step('migrations');
  const stopNotices = noticeSlowStart({ name: 'migrations', onLine });
  try {
    await prepareDatabase(databaseUrl);
    await requireSameHistory(databaseUrl, databaseDirectory(directory));
    await migrate(databaseUrl);
  } finally {
    stopNotices();
  }
  step('Supabase API');
  const api = await run('the Supabase API', () =>
    startSupabaseApiService(
      {
        databaseUrl,
        port: ports.supabaseApi,
        portVariable: 'SUPABASE_API_PORT',
        jwtSecret,
        publishableKey,
        secretKey,
      },
      { onLine },
    ),
  );
  stack.defer(() => api.stop());
  return { databaseUrl, supabase: { url: api.state().url, publishableKey, secretKey } };
}

/** An external project (hosted, or `supabase start`), used unchanged. Its owner applies migrations. */
function givenProject(): Supabase {
  const read = (name: string) => {
    const value = process.env[name];
    if (!value) throw new Error(`SUPABASE_URL is set, so ${name} is needed as well (see env.example).`);
    return value;
  };
  return {
    databaseUrl: read('DATABASE_URL'),
    supabase: {
      url: read('SUPABASE_URL'),
      publishableKey: read('SUPABASE_PUBLISHABLE_KEY'),
      secretKey: read('SUPABASE_SECRET_KEY'),
    },
  };
}
