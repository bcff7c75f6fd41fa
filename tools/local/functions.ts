import { createServer, type ServerResponse } from 'node:http';
import { PROBLEMS } from '../../src/contracts/problem.ts';
import { builtFunctions, entrypoints } from './built-functions.ts';
import { functionChild, type FunctionChild } from './function-child.ts';
import { requireFreePort } from './ports.ts';
import { sendProblem } from './problem.ts';

export interface FunctionsOptions {
  /**
   * Paths such as `api/webhooks/retry.ts`: served alone, and started at once. Default: all functions under `api/`, each started
   * with its first request, as at Vercel. Together they would take gigabytes of memory.
   */
  entrypoints?: readonly string[] | undefined;
  /** 0: any free port. */
  port: number;
  /** Environment of the functions. WEBHOOK_BASE_URL defaults to this host's address. */
  env: Readonly<Record<string, string>>;
}

export interface FunctionsState {
  url: string;
  /** Pids of the functions' processes. */
  pids: number[];
}

interface Functions {
  state(): FunctionsState;
  stop(timeoutMs: number): Promise<void>;
}

/** Stopped last: other functions send results here after their own requests have ended. */
const RECEIVERS = '/api/webhooks/';

/**
 * Methods that a function can export. Any other method would crash its process under Vercel's adapter, so this host rejects
 * it.
 */
const METHODS: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

function refuseMethod(response: ServerResponse): void {
  const problem = { ...PROBLEMS.method_not_allowed, code: 'method_not_allowed' };
  // The body is not read.
  sendProblem(response, problem, { allow: METHODS.join(', '), connection: 'close' });
}

/** Serves functions under Vercel's adapter, one process each, behind one port on 127.0.0.1. */
export async function startFunctions(
  options: FunctionsOptions,
  onChange: (state: FunctionsState) => void,
  /** Called with the functions that have not started yet. */
  onProgress: (doing: string) => void = () => undefined,
): Promise<Functions> {
  if (options.port !== 0) await requireFreePort(options.port, 'the functions');
  const folder = await builtFunctions();
  const children = new Map<string, FunctionChild>();
  let url = '';
  let ready = false;
  const state = () => ({ url, pids: [...children.values()].flatMap((child) => child.pid() ?? []) });

  const server = createServer((request, response) => {
    const child = children.get((request.url ?? '').split('?', 1)[0] ?? '');
    if (!child) {
      sendProblem(response, { status: 404, code: 'endpoint_not_found', title: 'No such endpoint' });
      return;
    }
    if (!METHODS.includes(request.method ?? '')) {
      refuseMethod(response);
      return;
    }
    child.handle(request, response).catch((error: unknown) => {
      console.error(error);
      sendProblem(response, { status: 502, code: 'function_failed', title: 'The function did not start' });
    });
  });
  // Node reports CONNECT as a separate event without a response object.
  server.on('connect', (_request, socket) => {
    socket.on('error', () => undefined);
    socket.end('HTTP/1.1 405 Method Not Allowed\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
  });
  // No limit: a request may take as long as a function may run. Node's default would end it after five minutes.
  server.requestTimeout = 0;
  // Never closed while idle: a proxy that is busy at that moment would use the connection, and lose its request.
  server.keepAliveTimeout = 0;
  const port = await listen(server, options.port);
  url = `http://127.0.0.1:${port}`;

  const env = { WEBHOOK_BASE_URL: `${url}/api/webhooks`, ...options.env };
  for (const entrypoint of options.entrypoints ?? entrypoints()) {
    const path = `/${entrypoint.replace(/(\/index)?\.ts$/, '')}`;
    const onStart = () => {
      if (ready) onChange(state());
    };
    children.set(path, functionChild({ folder, entrypoint, path, env, onStart }));
  }

  async function stop(timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    const drain = (last: boolean) =>
      Promise.all(
        [...children]
          .filter(([path]) => path.startsWith(RECEIVERS) === last)
          .map(([, child]) => child.drain(deadline)),
      );
    await drain(false);
    await drain(true);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  try {
    const named = options.entrypoints === undefined ? [] : [...children];
    const waiting = new Set(named.map(([path]) => path));
    await Promise.all(
      named.map(async ([path, child]) => {
        await child.start();
        waiting.delete(path);
        onProgress(
          `${children.size - waiting.size} of ${children.size} run, waiting for ${[...waiting].join(', ')}`,
        );
      }),
    );
  } catch (error) {
    await stop(0);
    throw error;
  }
  ready = true;
  return { state, stop };
}

function listen(server: ReturnType<typeof createServer>, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}
