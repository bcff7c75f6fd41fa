import { Agent, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import * as vercelNode from '@vercel/node';
import { isAlive, signal, waitForExit } from './processes.ts';
import { sendProblem } from './problem.ts';
import { forward } from './proxy.ts';

/** `maxDuration` in vercel.json: how long an instance may run, including the work after its answers. */
const MAX_DURATION_SECONDS = 300;

const STOPPING_RETRY_SECONDS = '5';

interface DevServer {
  port: number;
  pid: number;
  /** Asks the process to finish its `waitUntil` work and end; returns at once. */
  shutdown: () => Promise<void>;
}

type StartDevServer = (options: {
  entrypoint: string;
  workPath: string;
  repoRootPath: string;
  config: { functions: Record<string, { maxDuration: number }> };
  files: Record<string, never>;
  meta: { isDev: true; requestPath: string; env: Record<string, string>; buildEnv: Record<string, string> };
}) => Promise<DevServer | null>;

// Exported for Vercel's CLI, but without a type declaration. The package's version is pinned, and all tests use this
// function.
const { startDevServer } = vercelNode as unknown as { startDevServer: StartDevServer };

export interface FunctionChild {
  pid(): number | undefined;
  /** Starts the process before the first request. */
  start(): Promise<void>;
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
  /** Waits for its requests and the work after them; kills the process at the deadline. */
  drain(deadline: number): Promise<void>;
}

/** One built function under Vercel's adapter. If its process has died, the next request starts it again, as at Vercel. */
export function functionChild(options: {
  /** The folder of the built functions. */
  folder: string;
  /** Source path, such as `api/webhooks/retry.ts`. */
  entrypoint: string;
  path: string;
  env: Record<string, string>;
  onStart: () => void;
}): FunctionChild {
  // The adapter's server closes connections that were idle for 5 s. A proxy that is busy at that moment would use one, and lose
  // its request; so only connections that were idle for less than a second are used again.
  const agent = new Agent({ keepAlive: true, agentKeepAliveTimeoutBuffer: 4_000 });
  let server: DevServer | undefined;
  let starting: Promise<DevServer> | undefined;
  let inFlight = 0;
  let draining = false;

  async function launch(): Promise<DevServer> {
    const started = await startDevServer({
      entrypoint: options.entrypoint.replace(/\.ts$/, '.js'),
      workPath: options.folder,
      repoRootPath: options.folder,
      config: { functions: { 'api/**/*.js': { maxDuration: MAX_DURATION_SECONDS } } },
      files: {},
      meta: { isDev: true, requestPath: options.path, env: options.env, buildEnv: {} },
    });
    if (started === null) throw new Error(`${options.entrypoint} is not a function`);
    server = started;
    options.onStart();
    return started;
  }

  async function running(): Promise<DevServer> {
    if (server && isAlive(server.pid)) return server;
    starting ??= launch().finally(() => {
      starting = undefined;
    });
    return starting;
  }

  return {
    pid: () => server?.pid,
    async start() {
      await running();
    },
    async handle(request, response) {
      if (draining) {
        const stopping = { status: 503, code: 'stopping', title: 'The system is stopping' };
        sendProblem(response, stopping, { 'retry-after': STOPPING_RETRY_SECONDS });
        return;
      }
      inFlight += 1;
      try {
        const { port } = await running();
        await forward(request, response, { port, agent });
      } finally {
        inFlight -= 1;
      }
    },
    async drain(deadline) {
      if (draining) return;
      draining = true;
      while (inFlight > 0 && performance.now() < deadline) await sleep(10);
      await starting?.catch(() => undefined);
      agent.destroy();
      if (!server || !isAlive(server.pid)) return;
      const { pid } = server;
      if (performance.now() < deadline) {
        await server.shutdown();
        if ((await waitForExit([pid], deadline - performance.now())).length === 0) return;
      }
      signal(pid, 'SIGKILL');
      await waitForExit([pid], 2_000);
    },
  };
}
