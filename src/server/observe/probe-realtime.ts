import type { Finding } from '../../contracts/health.ts';

/** Opens Realtime's socket, as the console does, and closes it again. */
export type ProbeRealtime = (url: string, publishableKey: string) => Promise<Finding>;

const TIMEOUT_MS = 5_000;

export const probeRealtime: ProbeRealtime = async (url, publishableKey) => {
  const address = new URL('realtime/v1/websocket', url.endsWith('/') ? url : `${url}/`);
  address.protocol = address.protocol === 'http:' ? 'ws:' : 'wss:';
  address.searchParams.set('apikey', publishableKey);
  address.searchParams.set('vsn', '1.0.0');
  const socket = new WebSocket(address);
  const isOpen = await new Promise<boolean>((resolve) => {
    const timer = setTimeout(() => {
      resolve(false);
    }, TIMEOUT_MS);
    const settle = (result: boolean) => () => {
      clearTimeout(timer);
      resolve(result);
    };
    socket.addEventListener('open', settle(true), { once: true });
    socket.addEventListener('error', settle(false), { once: true });
    socket.addEventListener('close', settle(false), { once: true });
  });
  socket.close();
  if (isOpen) return { check: 'realtime', level: 'ok', message: 'Realtime takes connections' };
  return {
    check: 'realtime',
    level: 'warning',
    message: `Realtime at ${address.origin} takes no connection: the console refreshes every few seconds only`,
    action:
      'Check SUPABASE_PUBLISHABLE_KEY and the project (Supabase: Realtime, Settings). Where the project has no Realtime, build the console with VITE_SUPABASE_REALTIME=off.',
  };
};
