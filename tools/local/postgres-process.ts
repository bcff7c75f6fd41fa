import { rm } from 'node:fs/promises';
import { z } from 'zod';
import { startPostgres } from './postgres.ts';
import { runService } from './run-service.ts';

const options = z.object({
  directory: z.string(),
  port: z.int(),
  password: z.string(),
  portVariable: z.string().optional(),
  unsafelyFast: z.boolean().default(false),
  settings: z.record(z.string(), z.string()).default({}),
  /** Deletes the data when the server ends. */
  temporary: z.boolean().default(false),
});

// PostgreSQL outlives the process that starts it. This process stops the server when our parent ends, even by SIGKILL.
runService(options, async ({ portVariable, ...given }, _report, progress) => {
  const postgres = await startPostgres({
    ...given,
    onStep: progress,
    ...(portVariable !== undefined && { portVariable }),
  });
  return {
    state: { url: postgres.url, pid: postgres.pid },
    async stop() {
      await postgres.stop();
      if (given.temporary) await rm(given.directory, { recursive: true, force: true });
    },
  };
});
