import { setTimeout as sleep } from 'node:timers/promises';
import type { Service } from './start-service.ts';

/** Restarts in a row that are tried: more of them in this time mean a fault that a restart does not help. */
const MAX_RESTARTS = 5;
const WITHIN_MS = 60_000;
const PAUSE_MS = 500;

export interface Supervised<State> extends Service<State> {
  /** Fulfilled, with what to tell, when it is no longer started again. */
  gaveUp: Promise<Error>;
}

/**
 * Starts a service, and starts it again whenever it ends without having been told to, bounded and said each time.
 * @param start starts it; a restart is given the state of the last run, whose port it must use again
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

  /** Answers false when it may not be started again. */
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
    const message = `Giving up: ${name} ended ${endings.length} times within a minute. The lines before tell why.`;
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
          // It was told to end while it started: it has done nothing yet that it would have to finish.
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
