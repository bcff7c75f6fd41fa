import { setTimeout as sleep } from 'node:timers/promises';

/** Repeats a call that ends a trouble until the database is available. */
export async function patiently(work: () => PromiseLike<unknown>): Promise<void> {
  for (let tries = 0; tries < 60; tries += 1) {
    try {
      await work();
      return;
    } catch {
      await sleep(500);
    }
  }
}
