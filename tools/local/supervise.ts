import { setTimeout as sleep } from 'node:timers/promises';
import type { Service } from './start-service.ts';

/** More restarts than this within WITHIN_MS mean a fault that restarting does not fix. */
const MAX_RESTARTS = 5;
const WITHIN_MS = 60_000;
const PAUSE_MS = 500;

export interface Supervised<State> extends Service<State> {
  /** Fulfilled with the reason when the service is not restarted any more. */
  gaveUp: Promise<Error>;
}

/**
 * Starts a service and restarts it whenever it ends by itself, with a limit and a message each time.
 * @param start starts the service; for a restart it gets the last state, whose port it must use again
 */
export async function supervise<State>(
  start: (last: State | undefined) => Promise<Service<State>>,
  { name, onLine }: { name: string; onLine: (line: string) => void },
): Promise<Supervised<State>> {
  let current = await start(undefined);
  const stopping = new AbortController();
  const isStopping = () => stopping.signal.aborted;
  const endings: number[] = [];
  const gaveUp = Promise.withResolvers<Error>();

  /** Returns false if the limit of restarts is reached. */
  function countEnding(): boolean {
    const now = performance.now();
    endings.push(now);
    while (endings[0] !== undefined && now - endings[0] > WITHIN_MS) endings.shift();
    if (endings.length <= MAX_RESTARTS) {
      onLine(
        `${name} ended unexpectedly: starting again (${endings.length} of at most ${MAX_RESTARTS} restarts a minute)`,
      );
      return true;
    }
    const message = `Giving up: ${name} ended ${endings.length} times within a minute. See the lines above for the reason.`;
    gaveUp.resolve(new Error(message));
    return false;
  }

  async function keepRunning(): Promise<void> {
    while (!isStopping()) {
      await current.ended;
      for (let isRunning = false; !isRunning;) {
        if (isStopping() || !countEnding()) return;
        await sleep(PAUSE_MS);
        if (isStopping()) return;
        try {
          current = await start(current.state());
          isRunning = true;
          // The service was stopped during its restart: it has no work to finish.
          if (isStopping()) await current.kill();
        } catch (error) {
          onLine(`${name}: ${error instanceof Error ? error.message : String(error)}`);
        }
      }
      onLine(`${name} started again`);
    }
  }
  const ended = keepRunning();

  async function end(how: (service: Service<State>) => Promise<void>): Promise<void> {
    stopping.abort();
    await how(current);
    await ended;
  }
  return {
    get pid() {
      return current.pid;
    },
    state: () => current.state(),
    ended,
    gaveUp: gaveUp.promise,
    stop: (timeoutMs) => end((service) => service.stop(timeoutMs)),
    kill: () => end((service) => service.kill()),
  };
}
