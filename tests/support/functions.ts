import { inject } from 'vitest';
import { freePort } from '../../tools/local/ports.ts';
import { startFunctionsService } from '../../tools/local/services.ts';
import { holdToDocument } from './openapi/hold.ts';

export interface TestFunctions {
  url: string;
  /** Everything that the functions and their host have printed. */
  logs: string[];
  pids(): number[];
  /** Sends SIGKILL to the host and every function at once; `start` restarts them at the same address. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Ends in order: what runs after an answer may finish. */
  stop(timeoutMs?: number): Promise<void>;
}

/** Starts only the named functions (`api/webhooks/retry.ts`), under Vercel's adapter. */
export async function startTestFunctions(
  entrypoints: readonly string[],
  env: Readonly<Record<string, string>>,
  /** A module that every function's process loads first. */
  preload?: URL,
): Promise<TestFunctions> {
  const logs: string[] = [];
  const port = await freePort();
  const launch = () =>
    startFunctionsService(
      { entrypoints, port, env },
      {
        env: {
          POLARIS_TEST_RUN: inject('runId'),
          ...(preload !== undefined && { NODE_OPTIONS: `--import ${preload.href}` }),
        },
        onLine: (line) => logs.push(line),
      },
    );
  let host = await launch();
  holdToDocument(host.state().url);
  return {
    url: host.state().url,
    logs,
    pids: () => host.state().pids,
    kill: () => host.kill(),
    async start() {
      host = await launch();
    },
    stop: (timeoutMs) => host.stop(timeoutMs),
  };
}
