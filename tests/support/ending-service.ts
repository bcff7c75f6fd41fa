import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { runService } from '../../tools/local/run-service.ts';

/** A service that ends by itself after this time, as after an uncaught error. */
runService(
  z.object({
    endsAfterMs: z.number().nullable(),
    startMs: z.number().default(0),
    fails: z.boolean().default(false),
  }),
  async ({ endsAfterMs, startMs, fails }) => {
    await sleep(startMs);
    if (fails) throw new Error('the port is taken');
    if (endsAfterMs !== null) setTimeout(() => process.exit(1), endsAfterMs);
    return { state: { pid: process.pid }, stop: () => Promise.resolve() };
  },
);
