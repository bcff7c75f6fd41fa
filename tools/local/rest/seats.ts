import postgres from 'postgres';
import { connectLite } from '../lite.ts';
import { isConnectionError, refusal, RefusalError } from './errors.ts';
import { unguardedIn } from './unguarded-statement.ts';

/** One connection as `authenticator`, used by one request at a time. */
export interface Seat {
  /** Replaced when the connection is lost. */
  sql: postgres.Sql;
  /** pg-safeupdate's message for a statement of the current request, if any. */
  unguarded: string | undefined;
  /** Whether the connection was lost during the current request. The next statement would run on another one. */
  isLost: boolean;
}

export interface Seats {
  /** @throws {RefusalError} 504 PGRST003 when no seat becomes free in time */
  take(): Promise<Seat>;
  /** Releases the seat; pass the error if the request failed. */
  leave(seat: Seat, error?: unknown): void;
  close(): Promise<void>;
}

interface SeatsOptions {
  /** Address of the database as `authenticator`. */
  url: string;
  count: number;
  /** How long a request waits for a seat. */
  waitMs: number;
}

const RECONNECT_SECONDS = 0.1;
const CONNECT_TIMEOUT_SECONDS = 10;
const CLOSE_TIMEOUT_SECONDS = 5;

/**
 * The connection pool of the REST layer. Each seat has its own client, since the driver does not say on which connection of a
 * pool a notice arrived.
 */
export function createSeats({ url, count, waitMs }: SeatsOptions): Seats {
  const all = Array.from({ length: count }, () => createSeat(url));
  const free = [...all];
  const waiting: ((seat: Seat) => void)[] = [];

  function wait(): Promise<Seat> {
    return new Promise((resolve, reject) => {
      const receive = (seat: Seat) => {
        clearTimeout(timer);
        resolve(seat);
      };
      const timer = setTimeout(() => {
        waiting.splice(waiting.indexOf(receive), 1);
        reject(
          new RefusalError(refusal(504, 'PGRST003', 'Timed out acquiring connection from connection pool.')),
        );
      }, waitMs);
      waiting.push(receive);
    });
  }

  return {
    async take() {
      const seat = free.shift() ?? (await wait());
      seat.unguarded = undefined;
      seat.isLost = false;
      return seat;
    },
    leave(seat, error) {
      if (seat.isLost || isFatal(error)) reconnect(seat, url);
      const next = waiting.shift();
      if (next) next(seat);
      else free.push(seat);
    },
    async close() {
      await Promise.all(all.map(({ sql }) => sql.end({ timeout: CLOSE_TIMEOUT_SECONDS })));
    },
  };
}

function createSeat(url: string): Seat {
  // Safe: `sql` is assigned before the seat is returned.
  const seat = { unguarded: undefined, isLost: false } as unknown as Seat;
  seat.sql = connect(url, seat);
  return seat;
}

/** A client that lost its connection inside a transaction can hang on its next statement: replace it. */
function reconnect(seat: Seat, url: string): void {
  seat.sql.end({ timeout: 0 }).catch(() => undefined);
  seat.sql = connect(url, seat);
}

/** Whether this error means that the connection is unusable. */
export function isFatal(error: unknown): boolean {
  if (error instanceof postgres.PostgresError) return error.severity === 'FATAL';
  return error instanceof Error && 'code' in error && isConnectionError(error.code);
}

function connect(url: string, seat: Seat): postgres.Sql {
  const { driver } = connectLite(url, {
    max: 1,
    backoff: () => RECONNECT_SECONDS,
    connect_timeout: CONNECT_TIMEOUT_SECONDS,
    onnotice: ({ message }) => {
      seat.unguarded ??= unguardedIn(message ?? '');
    },
    onclose: () => {
      // A replaced client may report its end late.
      if (seat.sql === client) seat.isLost = true;
    },
  });
  // Safe: the layer's custom types, which the driver's type leaves open, only matter for parsed columns.
  const client = driver as postgres.Sql;
  return client;
}

/** Rejects a statement that pg-safeupdate would reject. Called inside the transaction, which then rolls back. */
export function requireGuarded({ unguarded }: Seat): void {
  if (unguarded !== undefined) throw new RefusalError(refusal(400, '21000', unguarded));
}
