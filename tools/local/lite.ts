import { App } from '@supabase/lite';
import { createPostgresConnection, type PostgresConnection } from '@supabase/lite/postgres';
import type { Options, PostgresType } from 'postgres';

export interface SupabaseKeys {
  jwtSecret: string;
  publishableKey: string;
  secretKey: string;
}

type DriverOptions = Options<Record<string, PostgresType>>;

/** A pool of connections as `@supabase/lite` makes and reads them. */
export function connectLite(url: string, driverOptions: DriverOptions): PostgresConnection {
  return createPostgresConnection({
    url,
    postgresOptions: {
      onnotice: () => undefined,
      ...driverOptions,
    },
  });
}

/** What both of the layer's applications are configured with. */
export function liteConfig({ jwtSecret, publishableKey, secretKey }: SupabaseKeys) {
  return {
    auth: {
      enabled: true,
      jwt_secret: jwtSecret,
      publishable_key: publishableKey,
      secret_key: secretKey,
    },
    // The Supabase CLI keeps the history of migrations, as `postgres`; the layer must not make its table first.
    db: { migrations: { enabled: false } },
  };
}

/** Makes or completes the tables of schema `auth` as their owner. Failures do not show: look for the tables afterwards. */
export async function makeAuthSchema(authUrl: string): Promise<void> {
  const connection = connectLite(authUrl, { max: 1 });
  // No request is answered here, so that the keys do not matter.
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
