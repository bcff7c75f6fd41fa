import type { PublicFunctions, SqlFunctions } from '../../contracts/sql-functions.ts';
import type { Log } from '../observe/log.ts';
import { PoolUnusable } from './direct-store.ts';
import type { Store } from './store.ts';

/** How long calls use REST before one of them tries the pool again. */
const UNREACHABLE_MS = 5_000;
/** Longer, since a person has to change a role or a variable. */
const REFUSED_MS = 60_000;

interface FallbackOptions<Functions extends SqlFunctions> {
  direct: Store<Functions>;
  rest: Store<Functions>;
  monotonicNow: () => number;
  log: Log;
  unreachableMs?: number;
  refusedMs?: number;
}

export interface FallbackStore<Functions extends SqlFunctions = PublicFunctions> extends Store<Functions> {
  /** Which way the next call goes. */
  next(): 'direct' | 'rest';
}

/**
 * Calls use the pool; while that is unusable, they use REST, and one at a time tries the pool again. If the pool may have
 * sent a call, REST repeats it: every call that changes something is recognised when repeated, but for two counters
 * (`report_usage`, `take_sender_token`). An error from the database itself is an answer, and is never repeated.
 */
export function createFallbackStore<Functions extends SqlFunctions = PublicFunctions>(
  options: FallbackOptions<Functions>,
): FallbackStore<Functions> {
  const { direct, rest, monotonicNow, log, unreachableMs = UNREACHABLE_MS, refusedMs = REFUSED_MS } = options;
  let closedUntil: number | undefined;
  let isProbing = false;
  const toldNotGranted = new Set<string>();

  const next = () => (closedUntil === undefined || monotonicNow() >= closedUntil ? 'direct' : 'rest');

  function works(): void {
    if (closedUntil === undefined) return;
    closedUntil = undefined;
    log('info', 'the pool of STORE_DATABASE_URL works again');
  }

  function fails(error: PoolUnusable, name: string): void {
    if (error.reason === 'not granted') {
      if (!toldNotGranted.has(name))
        log('error', 'the role of STORE_DATABASE_URL may not execute a function', { error });
      toldNotGranted.add(name);
      return;
    }
    if (closedUntil === undefined) {
      log('error', 'the pool of STORE_DATABASE_URL cannot be used; calls use the Data API', {
        reason: error.reason,
        error,
      });
    }
    closedUntil = monotonicNow() + (error.reason === 'refused' ? refusedMs : unreachableMs);
  }

  return {
    next,
    async rpc(name, parameters, answer) {
      const isProbe = closedUntil !== undefined;
      if (next() === 'rest' || (isProbe && isProbing)) return rest.rpc(name, parameters, answer);
      if (isProbe) isProbing = true;
      try {
        const answered = await direct.rpc(name, parameters, answer);
        works();
        return answered;
      } catch (error) {
        if (!(error instanceof PoolUnusable)) {
          // The database was reached, so the pool works; the error is the call's own.
          works();
          throw error;
        }
        fails(error, name);
        // Its time is over. The next calls use REST.
        if (error.reason === 'silent') throw error;
      } finally {
        if (isProbe) isProbing = false;
      }
      return rest.rpc(name, parameters, answer);
    },
  };
}
