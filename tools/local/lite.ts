import { App } from '@supabase/lite';
import { createPostgresConnection, type PostgresConnection } from '@supabase/lite/postgres';
import type { Options, PostgresType } from 'postgres';

export interface SupabaseKeys {
  jwtSecret: string;
  publishableKey: string;
  secretKey: string;
}

type DriverOptions = Options<Record<string, PostgresType>>;

/** A connection pool with `@supabase/lite`'s options and parsers. */
export function connectLite(url: string, driverOptions: DriverOptions): PostgresConnection {
  return createPostgresConnection({
    url,
    postgresOptions: {
      onnotice: () => undefined,
      ...driverOptions,
    },
  });
}

/** Configuration shared by both apps of the layer. */
export function liteConfig({ jwtSecret, publishableKey, secretKey }: SupabaseKeys) {
  return {
    auth: {
      enabled: true,
      jwt_secret: jwtSecret,
      publishable_key: publishableKey,
      secret_key: secretKey,
    },
    // The Supabase CLI creates the migration history, as `postgres`; the layer must not create its table first.
    db: { migrations: { enabled: false } },
  };
}

/** Creates or completes the tables of schema `auth` as their owner. Reports no failures: check for the tables afterwards. */
export async function makeAuthSchema(authUrl: string): Promise<void> {
  const connection = connectLite(authUrl, { max: 1 });
  // The keys do not matter, since this app answers no requests.
  const app = new App({
    connection,
    ...liteConfig({ jwtSecret: '-', publishableKey: '-', secretKey: '-' }),
  });
  try {
    await app.ensureSystemSchema();
  } finally {
    await connection.close();
  }
}
