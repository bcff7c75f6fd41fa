import { z } from 'zod';
import { startFunctions } from './functions.ts';
import { runService } from './run-service.ts';

const options = z.object({
  entrypoints: z.array(z.string()).optional(),
  port: z.int().default(0),
  env: z.record(z.string(), z.string()),
});

runService(options, async (given, report, progress) => {
  // The adapter passes NODE_OPTIONS on to the functions' processes.
  const preload = new URL('./end-with-parent.ts', import.meta.url).href;
  process.env['NODE_OPTIONS'] = `--import ${preload} ${process.env['NODE_OPTIONS'] ?? ''}`;
  const functions = await startFunctions(given, report, progress);
  return { state: functions.state(), stop: (timeoutMs) => functions.stop(timeoutMs) };
});
