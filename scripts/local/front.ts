import { Agent, createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { forward } from './proxy.ts';
import { requireFreePort } from './ports.ts';

export type ServePage = (request: IncomingMessage, response: ServerResponse) => void;

/** The one port for people: `/api` goes to the functions, as Vercel routes it, and everything else is the page's. */
export async function startFront(options: {
  port: number;
  functionsPort: number;
  servePage: ServePage;
}): Promise<{ url: string; stop: () => Promise<void> }> {
  await requireFreePort(options.port, 'the page', 'PORT');
  const agent = new Agent({ keepAlive: true });
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
    if (path !== '/api' && !path.startsWith('/api/')) {
      options.servePage(request, response);
      return;
    }
    forward(request, response, { port: options.functionsPort, agent }).catch(() => response.destroy());
  });
  // Functions may take as long as they may run.
  server.requestTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', resolve);
  });
  return {
    url: `http://localhost:${options.port}`,
    async stop() {
      agent.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
