import { attachDatabasePool } from '@vercel/functions';
import pg from 'pg';
import type { StoreAddress } from './store-address.ts';

/** Of each instance of a function. Small projects have 60 connections in all. */
export const MAX_CONNECTIONS = 4;

/**
 * Idle connections are closed after this long. `attachDatabasePool` keeps an instance awake until then, so that it is not
 * frozen with open connections.
 */
const IDLE_MS = 5_000;
const KEEP_ALIVE_MS = 10_000;

/** The server answered with an error; the connection can go on, unless `isFatal` says otherwise. */
export function isAnswered(error: unknown): error is pg.DatabaseError {
  return error instanceof pg.DatabaseError && error.severity !== undefined && !isFatal(error);
}

/** The server ended the connection: it was shut down, restarted or told to end it. */
function isFatal({ severity, code }: pg.DatabaseError): boolean {
  return severity === 'FATAL' || severity === 'PANIC' || code?.startsWith('57P0') === true;
}

export interface Connection {
  /** It had carried a call before, and was idle: it may have died since. */
  wasIdle: boolean;
  /** One statement without a name, in one round trip. Answers the column `body` of its one row. */
  query(text: string, values: string[]): Promise<string | undefined>;
  /** `destroy`: nothing more may come over it. */
  leave(how: 'keep' | 'destroy'): void;
}

export interface ConnectionPool {
  /** @throws when no connection could be made, or none became free, in time */
  take(): Promise<Connection>;
  close(): Promise<void>;
}

export interface PoolOptions {
  address: StoreAddress;
  /** How long a call waits for a connection: for one of its own to be made, or for one to become free. */
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
  // An idle connection that dies is removed from the pool, which is all that has to happen.
  pool.on('error', () => undefined);
  // A connection that dies while a call has it also fails that call.
  pool.on('connect', (client) => client.on('error', () => undefined));

  const idleSince = new WeakMap<pg.PoolClient, number>();

  async function take(): Promise<Connection> {
    for (;;) {
      const client = await pool.connect();
      const since = idleSince.get(client);
      // The instance was frozen: a network that forgot the connection meanwhile would say nothing until the call times out.
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
