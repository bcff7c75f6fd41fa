import { serve } from '@hono/node-server';
import { App } from '@supabase/lite';
import { createPostgresConnection } from '@supabase/lite/postgres';
import postgres from 'postgres';
import { withCors } from './cors.ts';
import { requireFreePort } from './ports.ts';

export interface SupabaseKeys {
  jwtSecret: string;
  publishableKey: string;
  secretKey: string;
}

export interface SupabaseApiOptions extends SupabaseKeys {
  databaseUrl: string;
  port: number;
  /** The variable that moves the port, for the message when it is taken. */
  portVariable?: string;
  maxConnections?: number;
}

export interface SupabaseApi {
  url: string;
  stop(): Promise<void>;
}

const DEFAULT_MAX_CONNECTIONS = 10;

function connect(databaseUrl: string, keys: SupabaseKeys, maxConnections: number) {
  const connection = createPostgresConnection({
    url: databaseUrl,
    postgresOptions: { max: maxConnections, onnotice: () => undefined },
  });
  const app = new App({
    connection,
    auth: {
      enabled: true,
      jwt_secret: keys.jwtSecret,
      publishable_key: keys.publishableKey,
      secret_key: keys.secretKey,
    },
  });
  return { app, connection };
}

/** Gives a database what every Supabase database has before its first migration: the roles and `auth`. */
export async function prepareDatabase(databaseUrl: string): Promise<void> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => undefined });
  // No request is answered here, so that the keys do not matter.
  const { app, connection } = connect(
    databaseUrl,
    { jwtSecret: '-', publishableKey: '-', secretKey: '-' },
    1,
  );
  try {
    for (const role of ['anon', 'authenticated', 'service_role']) {
      const [known] = await sql`select from pg_roles where rolname = ${role}`;
      const bypass = role === 'service_role' ? 'bypassrls' : '';
      if (!known) await sql.unsafe(`create role ${role} nologin noinherit ${bypass}`);
    }
    await app.ensureSystemSchema();
    await sql`grant usage on schema auth, public to anon, authenticated, service_role`;
  } finally {
    await connection.close();
    await sql.end();
  }
}

/** Serves Supabase's Data and Auth API over a migrated database, on 127.0.0.1. */
export async function startSupabaseApi(options: SupabaseApiOptions): Promise<SupabaseApi> {
  await requireFreePort(options.port, 'the Supabase API', options.portVariable);
  const { app, connection } = connect(
    options.databaseUrl,
    options,
    options.maxConnections ?? DEFAULT_MAX_CONNECTIONS,
  );
  const server = await (async () => {
    try {
      await warmUp(app, options);
      return await listen(app, options.port);
    } catch (error) {
      await connection.close();
      throw error;
    }
  })();
  return {
    url: `http://127.0.0.1:${options.port}`,
    async stop() {
      await new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
        // Clients keep their idle connections open for as long as we let them.
        if ('closeIdleConnections' in server) server.closeIdleConnections();
      });
      await connection.close();
    },
  };
}

/**
 * The layer grants every table to `anon` and `authenticated` with its first request that row level security
 * checks. That request is made here, before anybody can call, and our grants are put back after it.
 */
async function warmUp(app: App, options: SupabaseApiOptions): Promise<void> {
  const request = new Request('http://127.0.0.1/rest/v1/polaris_summaries?select=id&limit=1', {
    headers: { apikey: options.publishableKey },
  });
  await (await app.fetch(request)).text();
  const sql = postgres(options.databaseUrl, { max: 1, onnotice: () => undefined });
  try {
    const [known] = await sql`select to_regprocedure('private.apply_grants()') as name`;
    if (known?.['name'] !== null) await sql`select private.apply_grants()`;
  } finally {
    await sql.end();
  }
}

function listen(app: App, port: number): Promise<ReturnType<typeof serve>> {
  const fetch = withCors((request) => app.fetch(request));
  return new Promise((resolve, reject) => {
    const server = serve({ fetch, hostname: '127.0.0.1', port }, () => {
      server.off('error', reject);
      resolve(server);
    });
    server.once('error', reject);
  });
}
