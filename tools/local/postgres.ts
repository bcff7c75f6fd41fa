import { spawn, type ChildProcess } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createHostedRoles } from './hosted-roles.ts';
import { requireFreePort } from './ports.ts';
import { findBinaries, requireReachable, serverOwner, type Owner } from './postgres-binaries.ts';
import { commandOf, isAlive, signal, waitForExit } from './processes.ts';

/** Long, since startService() has a time-out too, and reports what is slow. */
const START_TIMEOUT_MS = 300_000;
const FAST_STOP_TIMEOUT_MS = 10_000;
const IMMEDIATE_STOP_TIMEOUT_MS = 5_000;
const MAX_CONNECTIONS = 200;
/**
 * Version of the cluster's layout, in a file beside the data. Without the file: the first layout, whose superuser was
 * `postgres`.
 */
const LAYOUT = '2';

export interface PostgresOptions {
  /** Directory of the cluster (`data/`) and its log. Created if missing, kept on stop. */
  directory: string;
  port: number;
  password: string;
  /** The variable that sets the port, for the error message. */
  portVariable?: string;
  /** For tests: faster, but a crash of the machine (not of the server) loses data. */
  unsafelyFast?: boolean;
  /** Additional server settings, such as libraries to load. */
  settings?: Readonly<Record<string, string>>;
  /** Called before each step of the start. */
  onStep?: (step: string) => void;
}

interface Postgres {
  /** Database `postgres` as its owner `postgres`, who is no superuser; `asRole` gives the addresses for other roles. */
  url: string;
  port: number;
  pid: number;
  stop(): Promise<void>;
}

/**
 * Starts a PostgreSQL server on 127.0.0.1 with the roles of a hosted project, in its own process group. Its data is kept when
 * the server stops.
 */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const directory = resolve(options.directory);
  const data = join(directory, 'data');
  const log = join(directory, 'postgres.log');
  const exists = await stat(join(data, 'PG_VERSION')).then(
    () => true,
    () => false,
  );
  if (exists) await requireLayout(directory);
  await endPrevious(data);
  await requireFreePort(options.port, 'PostgreSQL', options.portVariable);

  const { initdb, postgres } = await findBinaries();
  const owner = await serverOwner(exists ? data : undefined);
  await mkdir(directory, { recursive: true });
  if (owner) {
    // Searchable but not readable: the server's user must reach its data and need not list the folder.
    await chmod(directory, 0o711);
    await requireReachable(directory, owner);
    await requireReachable(postgres, owner);
  }
  if (!exists) {
    options.onStep?.('creating the cluster');
    // Written first, so that no cluster of this layout exists without the file.
    await writeFile(join(directory, 'layout'), `${LAYOUT}\n`);
    await initialise(initdb, data, options, owner);
  }

  options.onStep?.('starting the server');
  const logFile = await open(log, 'w', 0o600);
  const child = spawn(postgres, settings(data, options), {
    ...owner,
    cwd: '/',
    env: serverEnvironment(),
    // Ctrl-C signals the terminal's whole process group; the server must outlive its clients.
    detached: true,
    stdio: ['ignore', logFile.fd, logFile.fd],
  });
  try {
    await ready(child, data);
  } catch (cause) {
    if (child.pid !== undefined) await end(child.pid);
    const tail = (await readFile(log, 'utf8')).trim().split('\n').slice(-5).join('\n');
    throw new Error(`PostgreSQL did not start: ${tail}`, { cause });
  } finally {
    await logFile.close();
  }
  // The server does not keep this process alive; stop() ends it.
  child.unref();
  const { pid } = child;
  if (pid === undefined) throw new Error('PostgreSQL has no pid');
  const url = `postgresql://postgres:${encodeURIComponent(options.password)}@127.0.0.1:${options.port}/postgres`;
  try {
    await createHostedRoles(url);
  } catch (error) {
    await end(pid);
    throw error;
  }
  return {
    url,
    port: options.port,
    pid,
    stop: () => end(pid),
  };
}

/** Deletes a cluster, after ending a server that a killed run may have left. */
export async function removePostgres(directory: string): Promise<void> {
  await endPrevious(join(resolve(directory), 'data'));
  await rm(directory, { recursive: true, force: true });
}

async function requireLayout(directory: string): Promise<void> {
  const layout = await readFile(join(directory, 'layout'), 'utf8').catch(() => '1');
  if (layout.trim() === LAYOUT) return;
  throw new Error(
    `The database in ${directory} was made by another version of this project and cannot be used by this one. ` +
      'Run npm run dev -- --fresh to delete it and to start with an empty one, or set POLARIS_DATA_DIR to another folder.',
  );
}

/** Runs `initdb`; the folder counts as a cluster only when it is complete. */
async function initialise(
  initdb: string,
  data: string,
  { password, unsafelyFast = false }: PostgresOptions,
  owner: Owner | undefined,
): Promise<void> {
  // initdb refuses a folder that an interrupted run has left.
  await rm(data, { recursive: true, force: true });
  await mkdir(data, { mode: 0o700 });
  const secrets = await mkdtemp(join(tmpdir(), 'polaris-initdb-'));
  const passwordFile = join(secrets, 'password');
  try {
    await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
    if (owner) {
      for (const path of [data, secrets, passwordFile]) await chown(path, owner.uid, owner.gid);
    }
    const flags = [
      '--username=supabase_admin',
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C.UTF-8',
    ];
    if (unsafelyFast) flags.push('--no-sync');
    await run(initdb, [`--pgdata=${data}`, `--pwfile=${passwordFile}`, ...flags], owner);
  } catch (error) {
    await rm(data, { recursive: true, force: true });
    throw error;
  } finally {
    await rm(secrets, { recursive: true, force: true });
  }
}

function settings(data: string, options: PostgresOptions): string[] {
  const values: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    // TCP only: a socket path has at most 107 bytes, which a data directory's path can exceed.
    unix_socket_directories: '',
    max_connections: String(MAX_CONNECTIONS),
    timezone: 'UTC',
    log_timezone: 'UTC',
    ...(options.unsafelyFast && {
      fsync: 'off',
      full_page_writes: 'off',
      synchronous_commit: 'off',
      // Cloning the template then costs file copies only, without checkpoints in between.
      max_wal_size: '4GB',
      checkpoint_timeout: '1h',
    }),
    ...options.settings,
  };
  const flags = Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return ['-D', data, '-p', String(options.port), ...flags];
}

/** A minimal environment without our secrets. */
function serverEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8' };
}

function run(program: string, args: string[], owner: Owner | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      ...owner,
      cwd: '/',
      env: serverEnvironment(),
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${program} failed: ${errors.trim()}`));
    });
  });
}

/** Waits until the eighth line of postmaster.pid is "ready", which means that the server accepts connections. */
async function ready(child: ChildProcess, data: string): Promise<void> {
  let failure: Error | undefined;
  child.once('error', (error) => (failure = error));
  child.once(
    'exit',
    (code, by) => (failure = new Error(`it ended with ${by ?? `code ${code ?? 'unknown'}`}`)),
  );
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (performance.now() < deadline) {
    if (failure) throw failure;
    const lines = await postmasterFile(data);
    if (lines && Number(lines[0]) === child.pid && lines[7]?.trim() === 'ready') return;
    await sleep(15);
  }
  throw new Error(`it was not ready after ${START_TIMEOUT_MS / 1000} s`);
}

async function postmasterFile(data: string): Promise<string[] | undefined> {
  try {
    return (await readFile(join(data, 'postmaster.pid'), 'utf8')).split('\n');
  } catch {
    return undefined;
  }
}

/** Ends a server that a killed run left on this data: it would hold the port and the data's lock. */
async function endPrevious(data: string): Promise<void> {
  const pid = Number((await postmasterFile(data))?.[0]);
  if (!Number.isInteger(pid) || pid <= 1 || !isAlive(pid)) return;
  const command = await commandOf(pid);
  // The file outlives a reboot, and its pid may be reused by now.
  if (command === undefined || !/postgres\b/.test(command) || !command.includes(data)) return;
  await end(pid);
}

/** Fast shutdown, then immediate shutdown (the next start recovers from the WAL), then SIGKILL. */
async function end(pid: number): Promise<void> {
  const steps = [
    ['SIGINT', FAST_STOP_TIMEOUT_MS],
    ['SIGQUIT', IMMEDIATE_STOP_TIMEOUT_MS],
    ['SIGKILL', IMMEDIATE_STOP_TIMEOUT_MS],
  ] as const;
  for (const [name, timeoutMs] of steps) {
    if (!signal(pid, name)) return;
    if ((await waitForExit([pid], timeoutMs)).length === 0) return;
  }
  throw new Error(`PostgreSQL (process ${pid}) does not end`);
}
