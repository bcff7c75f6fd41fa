import type { DatabaseClient } from '../services/database.ts';
import { useEffect, useRef, useState } from 'react';
import type { OpenDelivery } from '../contracts/console-deliveries.ts';
import type { DeliveryAction, Outcome } from './delivery-actions.ts';

/** Enough to be quick, few enough to leave the endpoints room for what comes by itself. */
const CALLS_AT_ONCE = 4;

export interface Done {
  delivery: OpenDelivery;
  outcome: Outcome;
}

export interface Batch {
  state: 'ready' | 'running' | 'stopping' | 'over';
  done: readonly Done[];
  start: (deliveries: readonly OpenDelivery[]) => Promise<void>;
  /** Starts no further call. What is under way ends, and has its outcome. */
  stop: () => void;
}

/**
 * Does something with many deliveries, a few at a time, and keeps what came of each. When its view is left it stops:
 * nobody would see what comes of the rest.
 */
export function useBatch(client: DatabaseClient, action: DeliveryAction): Batch {
  const [state, setState] = useState<Batch['state']>('ready');
  const [done, setDone] = useState<readonly Done[]>([]);
  const isStopped = useRef(false);

  useEffect(
    () => () => {
      isStopped.current = true;
    },
    [],
  );

  async function start(deliveries: readonly OpenDelivery[]): Promise<void> {
    const waiting = [...deliveries];
    isStopped.current = false;
    setDone([]);
    setState('running');
    async function work(): Promise<void> {
      while (!isStopped.current && waiting.length > 0) {
        const part = waiting.splice(0, action.perCall);
        const outcomes = await action.run(client, part);
        const ended = part.flatMap((delivery, index) => {
          const outcome = outcomes[index];
          return outcome === undefined ? [] : [{ delivery, outcome }];
        });
        setDone((before) => [...before, ...ended]);
      }
    }
    await Promise.all(Array.from({ length: CALLS_AT_ONCE }, work));
    setState('over');
  }

  function stop(): void {
    isStopped.current = true;
    setState('stopping');
  }

  return { state, done, start, stop };
}
