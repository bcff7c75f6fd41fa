import { RealtimeClient } from '@supabase/supabase-js';
import type { DatabaseClient } from '../../services/database.ts';
import type { Config } from './config.ts';
import { addressOf } from './supabase.ts';

export type Realtime = Pick<RealtimeClient, 'channel' | 'removeChannel'>;

let connection: { client: DatabaseClient; realtime: Realtime } | undefined;

/** The one connection of this page for this client. It asks for the present token at its start and at each heartbeat. */
export function connectionOf(client: DatabaseClient, config: Config): Realtime {
  if (connection?.client === client) return connection.realtime;
  const address = addressOf(config.VITE_SUPABASE_URL, 'realtime/v1');
  address.protocol = address.protocol.replace('http', 'ws');
  const realtime = new RealtimeClient(address.href, {
    params: { apikey: config.VITE_SUPABASE_PUBLISHABLE_KEY },
    async accessToken() {
      const { data } = await client.auth.getSession();
      return data.session?.access_token ?? config.VITE_SUPABASE_PUBLISHABLE_KEY;
    },
  });
  connection = { client, realtime };
  return realtime;
}
