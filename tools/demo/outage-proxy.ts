import { Agent, createServer } from 'node:http';
import { forward } from '../local/proxy.ts';

export interface OutageProxy extends AsyncDisposable {
  /** For WEBHOOK_BASE_URL. */
  baseUrl: string;
  /** Where requests are passed on to; known only when the functions run. */
  passTo(functionsUrl: string): void;
  /** While it is down, connections are reset, as by a host that has crashed. */
  setDown(down: boolean): void;
}

/** Stands before the webhook endpoints, so that the demo can cut them off as a real outage would. */
export async function startOutageProxy(): Promise<OutageProxy> {
  const agent = new Agent({ keepAlive: true });
  let port: number | undefined;
  let isDown = false;
  const server = createServer((request, response) => {
    if (isDown || port === undefined) {
      request.socket.resetAndDestroy();
      return;
    }
    forward(request, response, { port, agent }).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const own = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    baseUrl: `http://127.0.0.1:${own}/api/webhooks`,
    passTo: (functionsUrl) => {
      port = Number(new URL(functionsUrl).port);
    },
    setDown: (down) => {
      isDown = down;
    },
    async [Symbol.asyncDispose]() {
      agent.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
