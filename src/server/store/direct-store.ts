import { setTimeout as sleep } from 'node:timers/promises';
import type { PublicFunctions, SqlFunctions } from '../../contracts/sql-functions.ts';
import { RATE_LIMITED_CODE, readRefusal } from './rate-refusal.ts';
import { CALL_TIMEOUT_MS } from './rest-store.ts';
import {
  READ_SESSION,
  routinesFor,
  session,
  statementOf,
  STORE_ROLE,
  type Routine,
  type Session,
} from './routines.ts';
import { parseStoreAddress, type Road } from './store-address.ts';
import { DatabaseUnavailable, RateLimited, SchemaMismatch, type Store } from './store.ts';

/** Short: while PostgreSQL is unreachable, every call waits this long before it uses REST or is answered 503. */
const CONNECT_TIMEOUT_MS = 2000;

/** The role's `statement_timeout`: PostgreSQL itself ends each statement after it. */
const STATEMENT_MS = 7000;

/** After a migration the functions are read again, but not by every call of a missing one. */
const REREAD_AFTER_MS = 1000;

/** SQLSTATE: no function has this name and these parameters. */
const UNDEFINED_FUNCTION = '42883';

/** SQLSTATEs of a rejected log-in and of a database that does not exist: only a person can change that. */
const REFUSED_CODES: ReadonlySet<string | undefined> = new Set(['28P01', '28000', '3D000']);

/** The pool could not carry the call. Unless `silent`, the call may be repeated by other means. */
export class PoolUnusable extends DatabaseUnavailable {
  override name = 'PoolUnusable';
  /**
   * `unreachable`: no connection. `refused`: the log-in was rejected, or the role has more rights than it should, so we do not
   * use it. `not granted`: the role may not execute this function. `silent`: no answer for longer than PostgreSQL lets a
   * statement run.
   */
  readonly reason: 'unreachable' | 'refused' | 'not granted' | 'silent';

  constructor(reason: PoolUnusable['reason'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

class CallTimeout extends Error {
  override name = 'CallTimeout';
}

interface DirectStoreOptions {
  /** STORE_DATABASE_URL. */
  url: string;
  monotonicNow: () => number;
  /** How long one call may take, in milliseconds. */
  timeoutMs?: number;
  connectTimeoutMs?: number;
}

/** Our role in the database, and the route of the connection. */
export interface StoreSession extends Pick<Session, 'role' | 'statement_timeout'> {
  road: Road;
}

export interface DirectStore<Functions extends SqlFunctions = PublicFunctions> extends Store<Functions> {
  /** Reads the identity from the database. @throws {PoolUnusable} even if the connection works but must not be used */
  ask(): Promise<StoreSession>;
  close(): Promise<void>;
}

/**
 * Calls SQL functions over a small pool of PostgreSQL connections. No call leaves state in its session: each is one unnamed
 * statement in its own transaction, so a pooler in transaction mode may use another connection for each.
 */
export function createDirectStore<Functions extends SqlFunctions = PublicFunctions>(
  options: DirectStoreOptions,
): DirectStore<Functions> {
  const { monotonicNow, timeoutMs = CALL_TIMEOUT_MS, connectTimeoutMs = CONNECT_TIMEOUT_MS } = options;
  const address = parseStoreAddress(options.url);
  // Loaded by the first call: functions without this variable do not need the driver.
  const driver = lazy(async () => {
    const loaded = await import('./pool.ts');
    return { ...loaded, pool: loaded.createPool({ address, connectTimeoutMs, monotonicNow }) };
  });

  /** Sends a statement, and repeats it if a connection had died while idle. */
  async function send(text: string, values: string[], deadline: number): Promise<string | undefined> {
    const { pool, isAnswered, MAX_CONNECTIONS } = await driver();
    for (let retries = 0; ; retries += 1) {
      const connection = await pool.take().catch((cause: unknown) => {
        const reason = REFUSED_CODES.has(readError(cause).code) ? 'refused' : 'unreachable';
        throw new PoolUnusable(reason, `no connection to PostgreSQL: ${messageOf(cause)}`, { cause });
      });
      const sentAt = monotonicNow();
      try {
        const body = await before(deadline - sentAt, connection.query(text, values));
        connection.leave('keep');
        return body;
      } catch (error) {
        connection.leave(isAnswered(error) ? 'keep' : 'destroy');
        if (error instanceof CallTimeout && monotonicNow() - sentAt >= STATEMENT_MS) {
          throw new PoolUnusable('silent', 'PostgreSQL did not answer', { cause: error });
        }
        // The database recognises repeated calls that change something. Each retry uses up one dead connection.
        const isDead = connection.wasIdle && !isAnswered(error) && !(error instanceof CallTimeout);
        const hasTime = deadline - monotonicNow() > connectTimeoutMs;
        if (!isDead || !hasTime || retries === MAX_CONNECTIONS) throw error;
      }
    }
  }

  let known: { session: Promise<Session>; at: number } | undefined;
  /**
   * The database's identity answer, shared by many calls. Part of connecting: a pooler may accept a connection and then not
   * answer, and the calls must have time left for REST.
   */
  function readSession(): Promise<Session> {
    if (known !== undefined) return known.session;
    const deadline = monotonicNow() + Math.min(timeoutMs, 2 * connectTimeoutMs);
    const reading = send(READ_SESSION, [], deadline).then(
      (body) => {
        const read = session.parse(JSON.parse(body ?? 'null'));
        if (!read.may_do_more) return read;
        throw new PoolUnusable(
          'refused',
          `STORE_DATABASE_URL connects as ${read.role}, a role that may do more than execute our functions: it must be ${STORE_ROLE}`,
        );
      },
      (cause: unknown) => {
        if (!(cause instanceof CallTimeout)) throw cause;
        throw new PoolUnusable('unreachable', 'PostgreSQL accepted a connection, and did not answer', {
          cause,
        });
      },
    );
    const mine = { session: reading, at: monotonicNow() };
    known = mine;
    reading.catch(() => {
      if (known === mine) known = undefined;
    });
    return reading;
  }
  function forget(): void {
    if (known !== undefined && monotonicNow() - known.at > REREAD_AFTER_MS) known = undefined;
  }

  async function find(name: string, given: readonly string[]): Promise<Routine> {
    for (let reads = 0; ; reads += 1) {
      const before = known;
      const read = await readSession();
      const [found, ...others] = routinesFor(read, name, given);
      if (found?.is_executable === true && others.length === 0) return found;
      forget();
      if (reads === 0 && known !== before) continue;
      if (found === undefined || others.length > 0) {
        const which = found === undefined ? 'no function has' : 'several functions have';
        const cause = Object.assign(new Error(`${which} this name and these parameters`), {
          code: UNDEFINED_FUNCTION,
        });
        throw new SchemaMismatch(name, { cause });
      }
      throw new PoolUnusable('not granted', `${read.role} may not execute ${name}: apply the migrations`, {
        cause: Object.assign(new Error(`permission denied for function ${name}`), { code: '42501' }),
      });
    }
  }

  return {
    async rpc(name, parameters, answer) {
      const deadline = monotonicNow() + timeoutMs;
      const json = JSON.stringify(parameters);
      // Undefined parameters are omitted, as in JSON.
      const given = Object.entries(parameters).flatMap(([key, value]) => (value === undefined ? [] : [key]));
      let data: unknown;
      try {
        const called = await find(name, given);
        const body = await send(statementOf(called, given), given.length === 0 ? [] : [json], deadline);
        data = JSON.parse(body ?? 'null');
      } catch (error) {
        throw failureOf(name, error, forget);
      }
      const parsed = answer.safeParse(data);
      if (!parsed.success) {
        throw new DatabaseUnavailable(`the answer of ${name} does not match its schema`, {
          cause: parsed.error,
        });
      }
      return parsed.data;
    },
    async ask() {
      known = undefined;
      const { role, statement_timeout } = await readSession();
      return { role, statement_timeout, road: address.road };
    },
    async close() {
      if (driver.isMade()) await (await driver()).pool.close();
    },
  };
}

function failureOf(name: string, error: unknown, forget: () => void): Error {
  if (error instanceof DatabaseUnavailable) return error;
  const { code, detail } = readError(error);
  if (code === UNDEFINED_FUNCTION) {
    // A migration has changed the function since its parameters were read.
    forget();
    return new SchemaMismatch(name, { cause: error });
  }
  const refusal = code === RATE_LIMITED_CODE ? readRefusal(detail) : undefined;
  if (refusal !== undefined) return new RateLimited(refusal);
  return new DatabaseUnavailable(`the call of ${name} failed`, { cause: error });
}

function readError(error: unknown): { code?: string; detail?: string } {
  if (!(error instanceof Error)) return {};
  return {
    ...('code' in error && typeof error.code === 'string' && { code: error.code }),
    ...('detail' in error && typeof error.detail === 'string' && { detail: error.detail }),
  };
}

/** @throws {CallTimeout} the work continues, and its result is ignored */
async function before<T>(ms: number, work: Promise<T>): Promise<T> {
  const timer = new AbortController();
  const late = sleep(Math.max(0, ms), undefined, { signal: timer.signal }).then(() => {
    throw new CallTimeout('the call was not answered in its time');
  });
  late.catch(() => undefined);
  work.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    timer.abort();
  }
}

function lazy<T>(make: () => Promise<T>): (() => Promise<T>) & { isMade: () => boolean } {
  let made: Promise<T> | undefined;
  return Object.assign(() => (made ??= make()), { isMade: () => made !== undefined });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown error';
}
