import { AsyncLocalStorage } from 'node:async_hooks';
import { App, type HonoContext } from '@supabase/lite';
import type postgres from 'postgres';
import { connectLite, liteConfig, type SupabaseKeys } from '../lite.ts';
import { refusalOf } from './errors.ts';
import type { RoleSettings, Setting } from './role-settings.ts';
import { SEARCH_PATH } from './rpc.ts';
import { isFatal, requireGuarded, type Seat, type Seats } from './seats.ts';

interface TablesOptions {
  keys: SupabaseKeys;
  /** Address of the database as its owner. */
  databaseUrl: string;
  seats: Seats;
  roleSettings: RoleSettings;
}

/** State of one request. */
interface Context {
  isReading: boolean;
  seat: Seat | undefined;
}

/**
 * Tables by `@supabase/lite`, read and written as `authenticator` in the caller's role, with PostgREST's settings and
 * statuses. The tables are those that exist at the start. Unlike PostgREST, the layer rejects a bare `true` or `false` for a
 * jsonb column, and parses a string that contains JSON.
 */
export async function createTables(options: TablesOptions): Promise<(request: Request) => Promise<Response>> {
  const { keys, databaseUrl, seats, roleSettings } = options;
  const requests = new AsyncLocalStorage<Context>();
  const schema = await introspect(databaseUrl);
  // Never connects: all transactions run on seats.
  const connection = connectLite(databaseUrl, { max: 1 });
  connection.driver.reserve = async () => {
    const seat = await seats.take();
    const context = requests.getStore();
    if (context) context.seat = seat;
    return reserved(seat, seats);
  };
  connection.introspect = () => Promise.resolve(schema);
  // Without this, the layer's first request would grant every table to every role, which authenticator may not do.
  Object.assign(connection, { rlsState: 'active' });

  const withContext = connection.withContext.bind(connection);
  connection.withContext = async (vars, run, given) => {
    const role = roleOf(vars);
    const context = requests.getStore();
    try {
      const settings: Setting[] = [SEARCH_PATH, ...(await roleSettings(role))];
      if (context?.isReading) settings.push(['transaction_read_only', 'on']);
      return await withContext(
        vars,
        async (db) => {
          await db
            .selectNoFrom((query) =>
              settings.map(([name, value], index) =>
                query
                  .fn('set_config', [query.val(name), query.val(value), query.val(true)])
                  .as(`setting_${index}`),
              ),
            )
            .execute();
          const result = await run(db);
          if (context?.seat) requireGuarded(context.seat);
          return result;
        },
        given,
      );
    } catch (error) {
      throw asRaised(error, role);
    }
  };

  const app = new App({
    connection,
    ...liteConfig(keys),
    options: {
      server: {
        middlewares: [
          async (c, next) => {
            // The layer looks up each token's user and session in schema auth; PostgREST does not, and authenticator has no
            // right to.
            const repo = { findUserById: () => ({}), findSessionById: () => ({}) };
            // Safe: outside of /auth/v1, the layer uses only these two functions of the service.
            c.set('authService', { repo } as unknown as HonoContext['Variables']['authService']);
            await next();
          },
        ],
      },
    },
  });
  return (request) =>
    requests.run({ isReading: ['GET', 'HEAD'].includes(request.method), seat: undefined }, () =>
      app.fetch(request),
    );
}

/** Runs as the owner: the layer reads information_schema, which shows a role only what it may use. */
async function introspect(databaseUrl: string) {
  const owner = connectLite(databaseUrl, { max: 1 });
  try {
    const schema = await owner.introspect();
    // The layer returns an empty schema if it fails.
    if (schema.tables.length === 0) throw new Error('@supabase/lite could not read the database’s tables.');
    return schema;
  } finally {
    await owner.close();
  }
}

function roleOf(vars: Record<string, unknown> | undefined): string {
  const auth = vars?.['auth'];
  const role = typeof auth === 'object' && auth !== null && 'role' in auth ? auth.role : undefined;
  return typeof role === 'string' ? role : 'anon';
}

/** A seat in the form in which the layer expects a reserved connection. */
function reserved(seat: Seat, seats: Seats): postgres.ReservedSql {
  const unsafe = (...statement: Parameters<postgres.Sql['unsafe']>) => {
    // On another connection, the statement would run outside of the transaction and its role.
    if (seat.isLost) throw Object.assign(new Error('the connection was lost'), { code: 'CONNECTION_CLOSED' });
    const query = seat.sql.unsafe(...statement);
    query.catch((error: unknown) => {
      if (isFatal(error)) seat.isLost = true;
    });
    return query;
  };
  // Safe: the layer's driver uses only these two members of a connection.
  return { unsafe, release: () => seats.leave(seat) } as unknown as postgres.ReservedSql;
}

/** The layer answers 500 to most SQLSTATEs. An error raised as PGRST gets the status that it names. */
function asRaised(error: unknown, role: string): unknown {
  const answer = refusalOf(error, role);
  if (answer === undefined || answer.code === 'PGRST') return error;
  const { status, ...body } = answer;
  return Object.assign(new Error(JSON.stringify(body)), {
    code: 'PGRST',
    detail: JSON.stringify({ status, headers: {} }),
  });
}
