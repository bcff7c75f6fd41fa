import { Agent, createServer } from 'node:http';
import { forward } from '../local/proxy.ts';

/** A proxy in front of the REST API that counts the calls of the functions. */
export async function startCountingProxy(apiUrl: string): Promise<{
  url: string;
  calls: string[];
  stop: () => Promise<void>;
}> {
  const agent = new Agent({ keepAlive: true });
  const port = Number(new URL(apiUrl).port);
  const calls: string[] = [];
  const server = createServer((request, response) => {
    calls.push((request.url ?? '').split('/').at(-1) ?? '');
    forward(request, response, { port, agent }).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    calls,
    async stop() {
      agent.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
