import postgres from 'postgres';
import { endConnections } from './end-connections.ts';

/** The login roles of a hosted project. Locally, all have the cluster's one password. */
type LoginRole =
  /** The superuser, which owners of hosted projects do not have. Only for what tests and the local system cannot do otherwise. */
  | 'supabase_admin'
  /** Owns the database and everything created by migrations. */
  | 'postgres'
  /** The REST layer before it switches to the caller's role. */
  | 'authenticator'
  /** Owns schema `auth`. */
  | 'supabase_auth_admin'
  /** The functions with `STORE_DATABASE_URL`. A migration creates it; `openStoreRole` allows it to log in. */
  | 'polaris_store';

/** The address of the same database for another role. */
export function asRole(databaseUrl: string, role: LoginRole): string {
  const url = new URL(databaseUrl);
  url.username = role;
  return url.href;
}

/**
 * Creates the roles of a hosted project with their memberships and settings (as in github.com/supabase/postgres,
 * migrations/db) in a new cluster, whose superuser is `supabase_admin`. Does nothing if they exist.
 */
export async function createHostedRoles(databaseUrl: string): Promise<void> {
  const sql = postgres(asRole(databaseUrl, 'supabase_admin'), { max: 1, onnotice: () => undefined });
  try {
    const [known] = await sql`select from pg_roles where rolname = 'postgres'`;
    if (known) return;
    const [server] = await sql<{ major: number; password: string }[]>`
      select current_setting('server_version_num')::int / 10000 as major,
        quote_literal(${decodeURIComponent(new URL(databaseUrl).password)}) as password`;
    if (server === undefined) throw new Error('the server did not report its version');
    // In one transaction: after a killed start, the next one begins again.
    await sql.begin(async (transaction) => {
      await transaction.unsafe(roles(server));
      await transaction.unsafe(settings(server));
    });
  } finally {
    await endConnections(sql);
  }
}

function roles({ major, password }: { major: number; password: string }): string {
  // From PostgreSQL 16 on, a role with `createrole` can administer only roles on which it has the admin option.
  const option = major >= 16 ? 'with admin option' : '';
  return `
    create role postgres nosuperuser createdb createrole login replication bypassrls password ${password};
    create role anon nologin noinherit;
    create role authenticated nologin noinherit;
    create role service_role nologin noinherit bypassrls;
    create role authenticator login noinherit password ${password};
    create role supabase_auth_admin login noinherit createrole password ${password};
    grant anon, authenticated, service_role to authenticator;
    grant anon, authenticated, service_role, authenticator to postgres ${option};
    grant pg_read_all_data, pg_monitor, pg_signal_backend to postgres;
    -- Hosted projects allow it through an extension of the platform's (supautils).
    grant set on parameter session_replication_role to postgres;
  `;
}

function settings({ major }: { major: number }): string {
  return `
    alter role postgres set search_path = "$user", public, extensions;
    alter role postgres set statement_timeout = '2min';
    alter role supabase_auth_admin set search_path = auth;
    alter role anon set statement_timeout = '3s';
    alter role authenticated set statement_timeout = '8s';
    alter role authenticator set statement_timeout = '8s';
    alter role authenticator set lock_timeout = '8s';
    -- Hosted projects load pg-safeupdate for this role. Without it, auto_explain reports each executed statement to the
    -- REST layer, which refuses what pg-safeupdate would refuse.
    load 'auto_explain';
    alter role authenticator set session_preload_libraries = auto_explain;
    alter role authenticator set auto_explain.log_min_duration = 0;
    alter role authenticator set auto_explain.log_nested_statements = on;
    alter role authenticator set auto_explain.log_level = notice;
    ${major >= 16 ? 'alter role authenticator set auto_explain.log_parameter_max_length = 0;' : ''}
  `;
}
