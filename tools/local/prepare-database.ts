import postgres from 'postgres';
import { endConnections } from './end-connections.ts';
import { asRole } from './hosted-roles.ts';
import { makeAuthSchema } from './lite.ts';

export interface DatabaseOptions {
  /**
   * Default privileges for new objects in schema `public`. `open`: all rights for `anon`, `authenticated` and `service_role`,
   * as in projects created before 30 October 2026. `closed`: as in later ones.
   */
  defaultPrivileges?: 'open' | 'closed';
  /**
   * Whether the database is used without the platform, as locally: then our migrations create the platform's tables that they
   * need. Otherwise they refuse a database without those tables.
   */
  alone?: boolean;
}

const AUTH_TABLES = ['users', 'identities', 'sessions', 'refresh_tokens'];

/**
 * Brings a database to the state of a hosted project before its first migration: owner, schemas, default privileges, the
 * Realtime publication and `auth`. May be repeated; default privileges are set the first time only.
 */
export async function prepareDatabase(
  databaseUrl: string,
  { defaultPrivileges = 'open', alone = true }: DatabaseOptions = {},
): Promise<void> {
  const sql = postgres(asRole(databaseUrl, 'supabase_admin'), { max: 1, onnotice: () => undefined });
  try {
    const [known] = await sql`select from pg_namespace where nspname = 'extensions'`;
    const database = `"${decodeURIComponent(new URL(databaseUrl).pathname.slice(1)).replaceAll('"', '""')}"`;
    if (!known) {
      await sql.begin(async (transaction) => {
        await transaction.unsafe(schemas(database));
        await transaction.unsafe(OPEN_PRIVILEGES);
        if (defaultPrivileges === 'closed') await transaction.unsafe(CLOSED_PRIVILEGES);
      });
    }
    // Takes effect in new sessions. Only a superuser may set a parameter that no extension has declared.
    if (alone) await sql.unsafe(`alter database ${database} set polaris.alone = 'on'`);
    await makeAuthSchema(asRole(databaseUrl, 'supabase_auth_admin'));
    await requireAuthTables(sql);
    await sql.begin(async (transaction) => {
      await transaction.unsafe(CLAIM_FUNCTIONS);
      await transaction.unsafe(AUTH_PRIVILEGES);
    });
  } finally {
    await endConnections(sql);
  }
}

function schemas(database: string): string {
  // Schema public is owned by pg_database_owner, so its owner follows that of the database.
  return `
    alter database ${database} owner to postgres;
    create schema extensions authorization postgres;
    create schema auth authorization supabase_auth_admin;
    grant usage on schema public, extensions to anon, authenticated, service_role;
    grant usage on schema auth to postgres, anon, authenticated, service_role;
    create publication supabase_realtime;
    alter publication supabase_realtime owner to postgres;
  `;
}

const OPEN_PRIVILEGES = ['postgres', 'supabase_admin']
  .flatMap((role) =>
    ['tables', 'functions', 'sequences'].map(
      (kind) =>
        `alter default privileges for role ${role} in schema public
          grant all on ${kind} to postgres, anon, authenticated, service_role;`,
    ),
  )
  .join('\n');

/** As the Supabase CLI does it. Functions remain executable for everybody, which is PostgreSQL's own default. */
const CLOSED_PRIVILEGES = `
  alter default privileges for role postgres in schema public
    revoke select, insert, update, delete on tables from anon, authenticated, service_role;
  alter default privileges for role postgres in schema public
    revoke usage, select on sequences from anon, authenticated, service_role;
  alter default privileges for role postgres in schema public
    revoke execute on functions from anon, authenticated, service_role;
`;

/** Replaces the layer's own functions, which read only request.jwt.claim.*; PostgREST sets only request.jwt.claims. */
const CLAIM_FUNCTIONS = `
  set local role supabase_auth_admin;
  ${Object.entries({ uid: ['sub', 'uuid'], role: ['role', 'text'], email: ['email', 'text'] })
    .map(
      ([name, [claim, type]]) => `
        create or replace function auth.${name}() returns ${type} language sql stable as $$
          select coalesce(
            nullif(current_setting('request.jwt.claim.${claim}', true), ''),
            nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> '${claim}')::${type} $$;`,
    )
    .join('\n')}
  reset role;
`;

const AUTH_PRIVILEGES = `
  grant all on all tables in schema auth to postgres;
  grant all on all sequences in schema auth to postgres;
  grant all on all routines in schema auth to postgres;
`;

/** The layer does not report failures when it creates its schema. */
async function requireAuthTables(sql: postgres.Sql): Promise<void> {
  const rows = await sql`
    select name from unnest(${AUTH_TABLES}::text[]) name where to_regclass('auth.' || name) is null`;
  const missing = rows.map(({ name }) => `auth.${String(name)}`);
  if (missing.length > 0) throw new Error(`@supabase/lite did not create ${missing.join(', ')}.`);
}
