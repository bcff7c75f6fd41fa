import type { DatabaseClient } from '../../services/database.ts';
import { useEffect, useEffectEvent, useSyncExternalStore } from 'react';
import { config } from './config.ts';
import type { Realtime } from './realtime.ts';

/** Changes come in bursts: one refresh answers all that came meanwhile. */
const GATHER_MS = 1_000;

/** Of `REALTIME_SUBSCRIBE_STATES`, which is not loaded for one word. */
const SUBSCRIBED = 'SUBSCRIBED';

function subscribeToVisibility(listener: () => void): () => void {
  document.addEventListener('visibilitychange', listener);
  return () => document.removeEventListener('visibilitychange', listener);
}

/** Null where the project has no Realtime. Its client is a tenth of the console, so it is loaded by who asks for it. */
async function connectRealtime(client: DatabaseClient): Promise<Realtime | null> {
  if (config === null || config.VITE_SUPABASE_REALTIME === 'off') return null;
  const { connectionOf } = await import('./realtime.ts');
  return connectionOf(client, config);
}

/**
 * Calls `onChange` soon after rows of these tables have changed, where the project has Realtime. It only makes a view
 * sooner: whatever fails, the view goes on refreshing by its interval. A hidden tab hears nothing.
 */
export function useRealtime(
  client: DatabaseClient,
  tables: readonly string[],
  isEnabled: boolean,
  onChange: () => void,
  connect = connectRealtime,
): void {
  const isVisible = useSyncExternalStore(subscribeToVisibility, () => !document.hidden);
  const tell = useEffectEvent(onChange);
  const names = tables.join(',');
  const isListening = isEnabled && isVisible;

  useEffect(() => {
    if (!isListening) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isOver = false;
    let leave = () => {
      isOver = true;
    };

    function join(realtime: Realtime): void {
      const channel = realtime.channel(`console:${names}`);
      for (const table of names.split(',')) {
        channel.on('postgres_changes', { event: '*', schema: 'public', table }, () => {
          timer ??= setTimeout(() => {
            timer = undefined;
            tell();
          }, GATHER_MS);
        });
      }
      leave = () => {
        if (isOver) return;
        isOver = true;
        void realtime.removeChannel(channel);
      };
      channel.subscribe((status) => {
        const state: string = status;
        // Else it would try again for ever.
        if (state !== SUBSCRIBED) leave();
      });
    }

    connect(client).then(
      (realtime) => {
        if (realtime !== null && !isOver) join(realtime);
      },
      // The code of Realtime could not be loaded: the view refreshes by its interval.
      () => undefined,
    );
    return () => {
      clearTimeout(timer);
      leave();
    };
  }, [client, names, isListening, connect]);
}
