import { stopwatch } from '../clock.ts';
import type { Log } from '../observe/log.ts';
import { z } from 'zod';
import { createDirectStore, type DirectStore, type StoreSession } from './direct-store.ts';
import { createFallbackStore } from './fallback-store.ts';
import { createRestStore, type RestStoreOptions } from './rest-store.ts';
import type { Store } from './store.ts';

interface OpenStoreOptions extends RestStoreOptions {
  /** STORE_DATABASE_URL; undefined: REST only. */
  directUrl: string | undefined;
  monotonicNow: () => number;
  log: Log;
}

/** The way of this process's next call; `asked` is the database's current answer over the direct connection. */
export interface StoreReport {
  next: 'direct' | 'rest';
  asked: { session: StoreSession; fastestMs: number } | { error: unknown };
}

export interface OpenStore extends Store {
  /** Undefined: there is no direct connection. */
  inspectStore: (() => Promise<StoreReport>) | undefined;
}

/** Opens the database as configured: REST, or the pool with REST as fallback. */
export function openStore({ directUrl, monotonicNow, log, ...options }: OpenStoreOptions): OpenStore {
  const rest = createRestStore(options);
  if (directUrl === undefined) return { ...rest, inspectStore: undefined };
  const direct = createDirectStore({ url: directUrl, monotonicNow });
  const store = createFallbackStore({ direct, rest, monotonicNow, log });
  return {
    rpc: store.rpc,
    async inspectStore() {
      const asked = await inspect(direct, monotonicNow);
      return { next: store.next(), asked };
    },
  };
}

const MEASURED_CALLS = 5;
const NOBODY = '00000000-0000-0000-0000-000000000000';

/** Reads the identity from the database, with the fastest of several round trips. */
export async function inspect(
  direct: DirectStore,
  monotonicNow: () => number,
): Promise<StoreReport['asked']> {
  try {
    const session = await direct.ask();
    let fastestMs = Infinity;
    for (let count = 0; count < MEASURED_CALLS; count += 1) {
      const elapsed = stopwatch(monotonicNow);
      await direct.rpc('user_is_operator', { p_user_id: NOBODY }, z.boolean());
      fastestMs = Math.min(fastestMs, elapsed());
    }
    return { session, fastestMs };
  } catch (error) {
    return { error };
  }
}
