import { Agent, createServer } from 'node:http';
import { forward } from '../local/proxy.ts';

export interface OutageProxy extends AsyncDisposable {
  /** Value for WEBHOOK_BASE_URL. */
  baseUrl: string;
  /** Sets the target, which is known only after the functions have started. */
  passTo(functionsUrl: string): void;
  /** While down, the proxy resets connections, as a crashed host would. */
  setDown(down: boolean): void;
}

/** A proxy in front of the webhook endpoints, with which the demo simulates an outage. */
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
