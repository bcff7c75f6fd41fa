import { z } from 'zod';
import { runService } from './run-service.ts';
import { startSupabaseApi } from './supabase-api.ts';

const options = z.object({
  databaseUrl: z.string(),
  port: z.int(),
  portVariable: z.string().optional(),
  maxConnections: z.int().optional(),
  jwtSecret: z.string(),
  publishableKey: z.string(),
  secretKey: z.string(),
});

// A request that fails inside the layer must not end this process, which serves everybody.
process.on('unhandledRejection', (error) => {
  console.error(error);
});

runService(options, async ({ portVariable, maxConnections, ...given }) => {
  const api = await startSupabaseApi({
    ...given,
    ...(portVariable !== undefined && { portVariable }),
    ...(maxConnections !== undefined && { maxConnections }),
  });
  return { state: { url: api.url }, stop: () => api.stop() };
});
