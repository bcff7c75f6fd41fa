import { z } from 'zod';
import { runService } from '../../tools/local/run-service.ts';

/** A service that takes this long to start, and reports its step. */
runService(
  z.object({ startMs: z.number(), fails: z.boolean().default(false) }),
  async ({ startMs, fails }, _report, progress) => {
    progress('3 of 4 run, waiting for the last');
    await new Promise((resolve) => setTimeout(resolve, startMs));
    if (fails) throw new Error('the port is taken');
    return { state: { url: 'here' }, stop: () => Promise.resolve() };
  },
);
