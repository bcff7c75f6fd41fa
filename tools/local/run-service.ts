import type { z } from 'zod';
import { toService, type FromService } from './service-messages.ts';

const TERMINATED_TIMEOUT_MS = 10_000;

interface RunningService {
  /** Sent to the parent; `report` sends it again after a change. */
  state: unknown;
  /** Stops gracefully, within about this time. */
  stop(timeoutMs: number): Promise<void>;
}

/**
 * The main program of a service. It starts and stops on the parent's messages, and stops when the parent dies, so that a
 * killed parent leaves no processes behind.
 */
export function runService<Options>(
  optionsSchema: z.ZodType<Options>,
  start: (
    options: Options,
    report: (state: unknown) => void,
    /** Reports what the service is doing while it starts. */
    progress: (doing: string) => void,
  ) => Promise<RunningService>,
): void {
  let running: Promise<RunningService> | undefined;
  let stopping = false;

  const send = (message: FromService) => {
    if (process.connected) process.send?.(message);
  };
  const report = (state: unknown) => {
    send({ type: 'running', state });
  };

  async function begin(options: unknown): Promise<void> {
    running = start(optionsSchema.parse(options), report, (doing) => {
      send({ type: 'progress', doing });
    });
    report((await running).state);
  }

  async function stop(timeoutMs: number): Promise<void> {
    if (stopping) return;
    stopping = true;
    let exitCode = 0;
    try {
      // A failed start has already been reported, and there is nothing to stop.
      const service = await running?.catch(() => undefined);
      await service?.stop(timeoutMs);
    } catch (error) {
      console.error(error);
      exitCode = 1;
    }
    process.exit(exitCode);
  }

  process.on('message', (raw) => {
    const message = toService.parse(raw);
    if (message.type === 'stop') {
      void stop(message.timeoutMs);
      return;
    }
    begin(message.options).catch((error: unknown) => {
      if (stopping) return;
      // The parent prints the reason.
      send({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
      process.disconnect();
    });
  });
  process.on('disconnect', () => void stop(0));
  process.on('SIGTERM', () => void stop(TERMINATED_TIMEOUT_MS));
  // Ctrl-C in the parent's terminal reaches this process too, but the parent decides the order of stopping.
  process.on('SIGINT', () => undefined);
  process.on('SIGHUP', () => undefined);
}
