import {
  Agent,
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { endToEnd } from '../local/proxy.ts';
import type { Fault } from './faults.ts';
import { now } from './history/recorder.ts';

/** A call that reached its target, and what came back; null when the connection broke. */
export interface Passed {
  path: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
  status: number | null;
  answer: Buffer | null;
  /** When it was passed on, and when it had been answered. */
  begin: number;
  end: number;
  /** The second sending of one request. */
  again: boolean;
}

export interface FaultProxy extends AsyncDisposable {
  url: string;
  calls: number;
  faulted: number;
  /** How often each fault struck. */
  kinds: Map<string, number>;
}

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** Stands between two parts of the system and breaks calls as `draw` says. */
export async function startFaultProxy(options: {
  /** Where a call goes; undefined: nobody is there. */
  target: () => string | undefined;
  draw: (path: string) => Fault | null;
  onPassed: (passed: Passed) => void;
}): Promise<FaultProxy> {
  const agent = new Agent({ keepAlive: true });
  const ending = new AbortController();

  async function pass(incoming: IncomingMessage, body: Buffer, again = false): Promise<Answer | null> {
    const target = options.target();
    const path = incoming.url ?? '/';
    const begin = now();
    const answer = target === undefined ? null : await send(agent, target + path, incoming, body);
    options.onPassed({
      path,
      headers: incoming.headers,
      body,
      status: answer?.status ?? null,
      answer: answer?.body ?? null,
      begin,
      end: now(),
      again,
    });
    return answer;
  }

  function reply(response: ServerResponse, answer: Answer | null): void {
    if (answer === null) {
      response.socket?.resetAndDestroy();
      return;
    }
    const headers = endToEnd(answer.headers);
    response.writeHead(answer.status, { ...headers, 'content-length': answer.body.length });
    response.end(answer.body);
  }

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const fault = options.draw(incoming.url ?? '/');
    proxy.calls += 1;
    if (fault !== null) {
      proxy.faulted += 1;
      const name = fault.kind === 'answered' ? fault.name : fault.kind;
      proxy.kinds.set(name, (proxy.kinds.get(name) ?? 0) + 1);
    }
    if (fault?.kind === 'refused') {
      incoming.socket.resetAndDestroy();
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of incoming as AsyncIterable<Buffer>) {
      if (fault?.kind === 'reset mid-request') {
        incoming.socket.resetAndDestroy();
        return;
      }
      chunks.push(chunk);
    }
    const body = Buffer.concat(chunks);
    switch (fault?.kind) {
      case undefined:
        reply(response, await pass(incoming, body));
        return;
      case 'reset mid-request':
        // It had no body.
        incoming.socket.resetAndDestroy();
        return;
      case 'answer lost':
        await pass(incoming, body);
        incoming.socket.resetAndDestroy();
        return;
      case 'slow':
      case 'delayed':
        await sleep(fault.ms, undefined, { signal: ending.signal });
        reply(response, await pass(incoming, body));
        return;
      case 'duplicated': {
        const second = sleep(fault.apartMs, undefined, { signal: ending.signal })
          .then(() => pass(incoming, body, true))
          .catch(() => null);
        reply(response, await pass(incoming, body));
        await second;
        return;
      }
      case 'answered':
        reply(response, { status: fault.status, headers: fault.headers, body: Buffer.from(fault.body) });
    }
  }

  const server = createServer((incoming, response) => {
    handle(incoming, response).catch(() => incoming.socket.destroy());
  });
  server.requestTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const proxy: FaultProxy = {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    calls: 0,
    faulted: 0,
    kinds: new Map(),
    async [Symbol.asyncDispose]() {
      ending.abort();
      agent.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}

function send(agent: Agent, url: string, incoming: IncomingMessage, body: Buffer): Promise<Answer | null> {
  const headers = endToEnd(incoming.headers);
  return new Promise((resolve) => {
    const outgoing = httpRequest(
      url,
      { method: incoming.method, agent, headers: { ...headers, 'content-length': body.length } },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.once('error', () => resolve(null));
        answer.once('end', () =>
          resolve({ status: answer.statusCode ?? 502, headers: answer.headers, body: Buffer.concat(chunks) }),
        );
        answer.once('close', () => resolve(null));
      },
    );
    outgoing.once('error', () => resolve(null));
    outgoing.end(body);
  });
}
