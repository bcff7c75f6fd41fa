import { REALTIME_SUBSCRIBE_STATES } from '@supabase/supabase-js';
import type { DatabaseClient } from '../services/database.ts';
import { useEffect, useEffectEvent, useSyncExternalStore } from 'react';
import { config } from './config.ts';

/** Changes come in bursts: one refresh answers all that came meanwhile. */
const GATHER_MS = 1_000;

function subscribeToVisibility(listener: () => void): () => void {
  document.addEventListener('visibilitychange', listener);
  return () => document.removeEventListener('visibilitychange', listener);
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
): void {
  const isVisible = useSyncExternalStore(subscribeToVisibility, () => !document.hidden);
  const tell = useEffectEvent(onChange);
  const names = tables.join(',');
  const isListening = isEnabled && isVisible && config?.VITE_SUPABASE_REALTIME !== 'off';

  useEffect(() => {
    if (!isListening) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isOver = false;
    const channel = client.channel(`console:${names}`);
    for (const table of names.split(',')) {
      channel.on('postgres_changes', { event: '*', schema: 'public', table }, () => {
        timer ??= setTimeout(() => {
          timer = undefined;
          tell();
        }, GATHER_MS);
      });
    }
    function leave(): void {
      if (isOver) return;
      isOver = true;
      void client.removeChannel(channel);
    }
    channel.subscribe((status) => {
      // Else it would try again for ever.
      if (status !== REALTIME_SUBSCRIBE_STATES.SUBSCRIBED) leave();
    });
    return () => {
      clearTimeout(timer);
      leave();
    };
  }, [client, names, isListening]);
}
