import { serve } from '@hono/node-server';
import { App } from '@supabase/lite';
import { withCors } from './cors.ts';
import { asRole } from './hosted-roles.ts';
import { connectLite, liteConfig, type SupabaseKeys } from './lite.ts';
import { requireFreePort } from './ports.ts';
import { createRoleSettings } from './rest/role-settings.ts';
import { createRpc } from './rest/rpc.ts';
import { createSeats } from './rest/seats.ts';
import { createTables } from './rest/tables.ts';

export interface GatewayOptions extends SupabaseKeys {
  /** Address of the database as its owner. */
  databaseUrl: string;
  /** Connections of the REST layer. Auth has three more. */
  maxConnections?: number;
  /** How long a request waits for a connection of the REST layer. */
  poolWaitMs?: number;
}

export interface SupabaseApiOptions extends GatewayOptions {
  port: number;
  /** The variable that sets the port, for the error message. */
  portVariable?: string;
}

interface Gateway {
  fetch(request: Request): Promise<Response>;
  close(): Promise<void>;
}

interface SupabaseApi {
  url: string;
  stop(): Promise<void>;
}

const DEFAULT_MAX_CONNECTIONS = 10;
/** PostgREST's `db-pool-acquisition-timeout`. */
const DEFAULT_POOL_WAIT_MS = 10_000;
const AUTH_CONNECTIONS = 3;

/** Supabase's Data and Auth API over a prepared database, each with its own role. */
export async function createGateway(options: GatewayOptions): Promise<Gateway> {
  const { databaseUrl } = options;
  const seats = createSeats({
    url: asRole(databaseUrl, 'authenticator'),
    count: options.maxConnections ?? DEFAULT_MAX_CONNECTIONS,
    waitMs: options.poolWaitMs ?? DEFAULT_POOL_WAIT_MS,
  });
  const roleSettings = createRoleSettings(seats);
  const rpc = createRpc({ keys: options, seats, roleSettings });
  const tables = await createTables({ keys: options, databaseUrl, seats, roleSettings });
  const authConnection = connectLite(asRole(databaseUrl, 'supabase_auth_admin'), { max: AUTH_CONNECTIONS });
  const auth = new App({ connection: authConnection, ...liteConfig(options) });
  return {
    fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname.startsWith('/auth/v1/')) return auth.fetch(request);
      if (pathname.startsWith('/rest/v1/rpc/')) return rpc(request);
      return tables(request);
    },
    async close() {
      await Promise.all([seats.close(), authConnection.close()]);
    },
  };
}

/** Serves Supabase's Data and Auth API over a migrated database, on 127.0.0.1. */
export async function startSupabaseApi(options: SupabaseApiOptions): Promise<SupabaseApi> {
  await requireFreePort(options.port, 'the Supabase API', options.portVariable);
  const gateway = await createGateway(options);
  const server = await listen(gateway, options.port).catch(async (error: unknown) => {
    await gateway.close();
    throw error;
  });
  return {
    url: `http://127.0.0.1:${options.port}`,
    async stop() {
      await new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
        // Clients keep idle connections open until the server closes them.
        if ('closeIdleConnections' in server) server.closeIdleConnections();
      });
      await gateway.close();
    },
  };
}

function listen(gateway: Gateway, port: number): Promise<ReturnType<typeof serve>> {
  const fetch = withCors((request) => gateway.fetch(request));
  return new Promise((resolve, reject) => {
    const server = serve({ fetch, hostname: '127.0.0.1', port }, () => {
      server.off('error', reject);
      resolve(server);
    });
    server.once('error', reject);
  });
}
