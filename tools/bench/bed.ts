import { randomUUID } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { endConnections } from '../local/end-connections.ts';
import { functionEnv } from '../local/function-env.ts';
import { liftLimits } from '../local/lift-limits.ts';
import { asRole } from '../local/hosted-roles.ts';
import { migrate } from '../local/migrate.ts';
import { freePort } from '../local/ports.ts';
import { createSecrets, type Secrets } from '../local/secrets.ts';
import {
  startFunctionsService,
  startPostgresService,
  startSupabaseApiService,
  type FunctionsService,
} from '../local/services.ts';
import { prepareDatabase } from '../local/prepare-database.ts';
import type { SystemProcesses } from './cpu.ts';

/** The database, the webhook functions and 64 reports. */
export interface Bed extends AsyncDisposable {
  sql: postgres.Sql;
  secrets: Secrets;
  /** Base URL of the functions. */
  url: string;
  reports: string[];
}

export const REPORTS = 64;
export const WEBHOOKS = ['api/webhooks/prelim-report.ts', 'api/webhooks/final-report.ts'];

/** A database of its own with durable writes as in production, Supabase's API for it, and hosts of functions. */
export interface Ground extends AsyncDisposable {
  sql: postgres.Sql;
  secrets: Secrets;
  databaseUrl: string;
  supabaseUrl: string;
  processes: SystemProcesses;
  /** Starts a host of functions. It ends with the ground. */
  host(
    entrypoints: string[],
    options?: { supabaseUrl?: string; port?: number; env?: Record<string, string> },
  ): Promise<FunctionsService>;
}

export async function startGround(onStep: (step: string) => void): Promise<Ground> {
  await using stack = new AsyncDisposableStack();
  const secrets = createSecrets();
  onStep('starting: database');
  const database = await startPostgresService({
    directory: await mkdtemp(join(tmpdir(), 'polaris-bench-')),
    port: await freePort(),
    password: secrets.databasePassword,
    temporary: true,
  });
  stack.defer(() => database.stop());
  const databaseUrl = database.state().url;
  await prepareDatabase(databaseUrl);
  await migrate(databaseUrl);
  await withoutStatementReports(databaseUrl);
  const sql = postgres(databaseUrl, { max: 16, onnotice: () => undefined });
  stack.defer(() => endConnections(sql));
  await liftLimits(sql);

  onStep('starting: Supabase API and functions');
  const api = await startSupabaseApiService({ databaseUrl, port: await freePort(), ...secrets });
  stack.defer(() => api.stop());
  const hosts = stack.use(new AsyncDisposableStack());
  const started = stack.move();
  const processes = { database: database.state().pid, rest: [api.pid], hosts: [] as number[] };
  return {
    sql,
    secrets,
    databaseUrl,
    supabaseUrl: api.state().url,
    processes,
    async host(entrypoints, { supabaseUrl = api.state().url, port = 0, env = {} } = {}) {
      const supabase = { ...secrets, url: supabaseUrl };
      const functions = await startFunctionsService(
        { entrypoints, port, env: { ...functionEnv(supabase, secrets), ...env } },
        { onLine: () => undefined },
      );
      hosts.defer(() => functions.stop());
      processes.hosts.push(functions.pid);
      return functions;
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

export async function startBed(onStep: (step: string) => void): Promise<Bed> {
  await using stack = new AsyncDisposableStack();
  const ground = stack.use(await startGround(onStep));
  const { sql, secrets } = ground;
  const host = await ground.host([...WEBHOOKS, 'api/webhooks/retry.ts']);
  const reports = await addReports(sql, REPORTS);
  const started = stack.move();
  return {
    sql,
    secrets,
    url: host.state().url,
    reports,
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

/**
 * Turns off the local replacement of pg-safeupdate, which reports each statement to the REST layer. It costs 1 to 2 ms per
 * call, which hosted projects do not pay.
 */
async function withoutStatementReports(databaseUrl: string): Promise<void> {
  const admin = postgres(asRole(databaseUrl, 'supabase_admin'), { max: 1, onnotice: () => undefined });
  try {
    await admin`alter role authenticator reset session_preload_libraries`;
  } finally {
    await endConnections(admin);
  }
}

/** Adds empty reports of one user; returns their ids. */
export async function addReports(sql: postgres.Sql, count: number): Promise<string[]> {
  const owner = randomUUID();
  await sql`insert into auth.users (id, email) values (${owner}, ${`${owner}@example.com`})`;
  const ids = Array.from({ length: count }, () => randomUUID());
  const rows = ids.map((id) => ({ id, user_id: owner, user_data: sql.json({}) }));
  await sql`insert into public.org_reports ${sql(rows, 'id', 'user_id', 'user_data')}`;
  return ids;
}
