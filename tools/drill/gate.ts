import { Agent, createServer, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { forward } from '../local/proxy.ts';

/** What the gate does with a call. */
export type Behaviour =
  | { kind: 'pass' }
  /** Resets the connection, as a crashed host would. */
  | { kind: 'reset' }
  /** Stops listening, whatever the path: the caller knows that the request was never sent. */
  | { kind: 'refuse' }
  | { kind: 'hang' }
  | { kind: 'delay'; ms: number }
  /** Cuts the answer off halfway. */
  | { kind: 'break' }
  | { kind: 'answer'; status: number; headers?: Readonly<Record<string, string>>; body?: string };

export interface Gate extends AsyncDisposable {
  url: string;
  /** Sets the target of the calls. */
  passTo(url: string): void;
  /** Sets the behaviour for every path that contains this text; other calls pass. */
  behave(behaviour: Behaviour, path: string): Promise<void>;
}

/** A proxy on 127.0.0.1 between callers and the called functions, which can fail in these ways. */
export async function startGate(): Promise<Gate> {
  const agent = new Agent({ keepAlive: true });
  let port = 0;
  let behaviour: Behaviour = { kind: 'pass' };
  let path = '/';

  async function act(response: ServerResponse, pass: () => Promise<void>): Promise<void> {
    switch (behaviour.kind) {
      case 'pass':
        return pass();
      case 'refuse':
      case 'reset':
        response.socket?.resetAndDestroy();
        return;
      case 'hang':
        return;
      case 'delay':
        await sleep(behaviour.ms);
        return pass();
      case 'break':
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
        response.write('{"outcome":', () => response.socket?.resetAndDestroy());
        return;
      case 'answer':
        response.writeHead(behaviour.status, behaviour.headers).end(behaviour.body ?? '{}');
        return;
      default:
        behaviour satisfies never;
    }
  }

  const server = createServer((request, response) => {
    const pass = () => forward(request, response, { port, agent });
    const isMeant = (request.url ?? '').includes(path);
    (isMeant ? act(response, pass) : pass()).catch(() => response.destroy());
  });
  const listen = (at: number) =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(at, '127.0.0.1', resolve);
    });
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => {
        resolve();
      });
      server.closeAllConnections();
    });
  await listen(0);
  const address = server.address();
  const own = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${own}`,
    passTo: (url) => {
      port = Number(new URL(url).port);
    },
    async behave(how, where) {
      behaviour = how;
      path = where;
      if (how.kind === 'refuse') await close();
      else if (!server.listening) await listen(own);
    },
    async [Symbol.asyncDispose]() {
      agent.destroy();
      await close();
    },
  };
}
