import { Agent, createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { forward } from './proxy.ts';
import { requireFreePort } from './ports.ts';

/** Serves every path outside of `/api`. */
interface Page {
  serve: (request: IncomingMessage, response: ServerResponse) => void;
  stop: () => Promise<void>;
}

/** Prepares the page for this server, before the server listens. */
export type StartPage = (server: Server, port: number) => Promise<Page>;

/** The one port for people: `/api` goes to the functions, as Vercel routes it; the page serves everything else. */
export async function startFront(options: {
  port: number;
  functionsPort: number;
  startPage: StartPage;
}): Promise<{ url: string; stop: () => Promise<void> }> {
  await requireFreePort(options.port, 'the page', 'PORT');
  const agent = new Agent({ keepAlive: true });
  const server = createServer();
  const page = await options.startPage(server, options.port);
  server.on('request', (request, response) => {
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
    // vercel.json has this rewrite: the document is a static file.
    if (path === '/api/openapi.json') request.url = '/openapi.json';
    else if (path === '/api' || path.startsWith('/api/')) {
      forward(request, response, { port: options.functionsPort, agent }).catch(() => response.destroy());
      return;
    }
    page.serve(request, response);
  });
  // No limit: a request may take as long as a function may run.
  server.requestTimeout = 0;
  // Never closed while idle: a client that is busy at that moment would use the connection, and lose its request.
  server.keepAliveTimeout = 0;
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(options.port, '127.0.0.1', resolve);
    });
  } catch (error) {
    await page.stop();
    throw error;
  }
  return {
    url: `http://localhost:${options.port}`,
    async stop() {
      agent.destroy();
      await page.stop();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
