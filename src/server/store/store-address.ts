import type { ConnectionOptions } from 'node:tls';
import { isLoopback } from '../../contracts/env-values.ts';

/** What stands between the functions and PostgreSQL, as far as the address shows. */
export type Road = 'transaction pooler' | 'session pooler' | 'direct';

/** The parts of STORE_DATABASE_URL. */
export interface StoreAddress {
  host: string;
  port: number;
  user: string;
  password: string;
  database: string;
  /** False: unencrypted, only to this machine. */
  ssl: false | ConnectionOptions;
  road: Road;
}

const DEFAULT_PORT = 5432;
/** Port of Supavisor and of the dedicated PgBouncer, both in transaction mode. */
const TRANSACTION_PORT = 6543;

/** Splits an address that `storeAddress` of the contracts has accepted. */
export function parseStoreAddress(value: string): StoreAddress {
  const url = new URL(value);
  const port = url.port === '' ? DEFAULT_PORT : Number(url.port);
  return {
    // A socket needs an IPv6 address without its brackets.
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port,
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: decodeURIComponent(url.pathname.slice(1)),
    ssl: tlsOf(url.searchParams.get('sslmode'), url.hostname),
    road:
      port === TRANSACTION_PORT
        ? 'transaction pooler'
        : url.hostname.includes('.pooler.')
          ? 'session pooler'
          : 'direct',
  };
}

/** Interprets `sslmode` like libpq: `require` encrypts without verifying the certificate, `verify-full` verifies it. */
function tlsOf(mode: string | null, host: string): StoreAddress['ssl'] {
  if (mode === 'disable' || (mode === null && isLoopback(host))) return false;
  return { rejectUnauthorized: mode === 'verify-full' };
}
