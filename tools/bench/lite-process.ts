import { serve } from '@hono/node-server';
import { z } from 'zod';
import { asRole } from '../local/hosted-roles.ts';
import { createRoleSettings } from '../local/rest/role-settings.ts';
import { createSeats } from '../local/rest/seats.ts';
import { createTables } from '../local/rest/tables.ts';
import { runService } from '../local/run-service.ts';

const CONNECTIONS = 10;
const WAIT_MS = 10_000;

const options = z.object({
  databaseUrl: z.string(),
  port: z.int(),
  jwtSecret: z.string(),
  publishableKey: z.string(),
  secretKey: z.string(),
});

/** `@supabase/lite` with its own `/rpc`, which the local REST layer used before it had its own. */
runService(options, async ({ databaseUrl, port, ...keys }) => {
  const seats = createSeats({
    url: asRole(databaseUrl, 'authenticator'),
    count: CONNECTIONS,
    waitMs: WAIT_MS,
  });
  const tables = await createTables({ keys, databaseUrl, seats, roleSettings: createRoleSettings(seats) });
  const server = serve({ fetch: tables, hostname: '127.0.0.1', port });
  return {
    state: { url: `http://127.0.0.1:${port}` },
    async stop() {
      await new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
        if ('closeAllConnections' in server) server.closeAllConnections();
      });
      await seats.close();
    },
  };
});
