import { attachDatabasePool } from '@vercel/functions';
import pg from 'pg';
import type { StoreAddress } from './store-address.ts';

/** Connections per instance of a function. Small projects have 60 in all. */
export const MAX_CONNECTIONS = 4;

/**
 * Idle connections are closed after this time. `attachDatabasePool` keeps an instance awake until then, so it is not frozen
 * with open connections.
 */
const IDLE_MS = 5_000;
const KEEP_ALIVE_MS = 10_000;

/** Whether the server answered with an error and the connection is still usable. */
export function isAnswered(error: unknown): error is pg.DatabaseError {
  return error instanceof pg.DatabaseError && error.severity !== undefined && !isFatal(error);
}

/** Whether the server ended the connection: by a shutdown, a restart or a command. */
function isFatal({ severity, code }: pg.DatabaseError): boolean {
  return severity === 'FATAL' || severity === 'PANIC' || code?.startsWith('57P0') === true;
}

export interface Connection {
  /** Whether the connection has been used before and was idle, so that it may have died. */
  wasIdle: boolean;
  /** Runs one unnamed statement in one round trip. Returns the column `body` of its only row. */
  query(text: string, values: string[]): Promise<string | undefined>;
  /** `destroy`: the connection is no longer usable. */
  leave(how: 'keep' | 'destroy'): void;
}

export interface ConnectionPool {
  /** @throws if no connection could be made, or became free, in time */
  take(): Promise<Connection>;
  close(): Promise<void>;
}

export interface PoolOptions {
  address: StoreAddress;
  /** How long a call waits for a new connection, or for one to become free. */
  connectTimeoutMs: number;
  monotonicNow: () => number;
}

export function createPool({ address, connectTimeoutMs, monotonicNow }: PoolOptions): ConnectionPool {
  const { host, port, user, password, database, ssl } = address;
  const pool = new pg.Pool({
    host,
    port,
    user,
    password,
    database,
    ssl,
    application_name: 'polaris',
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: connectTimeoutMs,
    idleTimeoutMillis: IDLE_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    allowExitOnIdle: true,
  });
  attachDatabasePool(pool);
  // An idle connection that dies is removed from the pool; nothing else is needed.
  pool.on('error', () => undefined);
  // If a connection dies during a call, that call fails by itself.
  pool.on('connect', (client) => client.on('error', () => undefined));

  const idleSince = new WeakMap<pg.PoolClient, number>();

  async function take(): Promise<Connection> {
    for (;;) {
      const client = await pool.connect();
      const since = idleSince.get(client);
      // The instance was frozen. If the network has dropped the connection meanwhile, a call on it would only time out.
      if (since !== undefined && monotonicNow() - since > 2 * IDLE_MS) {
        client.release(true);
        continue;
      }
      return connectionOf(client, since !== undefined);
    }
  }

  function connectionOf(client: pg.PoolClient, wasIdle: boolean): Connection {
    return {
      wasIdle,
      async query(text, values) {
        const { rows } = await client.query<{ body: string }>({ text, values });
        return rows[0]?.body;
      },
      leave(how) {
        idleSince.set(client, monotonicNow());
        client.release(how === 'destroy');
      },
    };
  }

  return { take, close: () => pool.end() };
}
