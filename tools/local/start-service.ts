import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createInterface } from 'node:readline';
import type { z } from 'zod';
import { environment } from './environment.ts';
import { signal } from './processes.ts';
import { fromService, type ToService } from './service-messages.ts';
import { describeLoad, noticeSlowStart } from './slow-start.ts';

/** Far more than any start takes on an idle machine: a loaded one only needs longer. */
const DEFAULT_START_TIMEOUT_MS = 300_000;
const DEFAULT_STOP_TIMEOUT_MS = 10_000;
/** What a service may take beyond the time it was given, before it is killed. */
const STOP_GRACE_MS = 5_000;

interface ServiceOptions<State> {
  /** For messages, such as `the functions`. */
  name: string;
  /** Its main program, a file that calls `runService`. */
  program: URL;
  options: unknown;
  state: z.ZodType<State>;
  env?: Readonly<Record<string, string>>;
  /** One that does not run by then is killed. */
  startTimeoutMs?: number | undefined;
  /** How long a start may take before it is told that it goes on, and what it does. */
  noticeMs?: number | undefined;
  /** Takes each line that it prints; else they go where ours go. */
  onLine?: ((line: string) => void) | undefined;
}

export interface Service<State> {
  pid: number;
  /** What it told last. */
  state(): State;
  /** Fulfilled when its process has ended, however that came. */
  ended: Promise<void>;
  /** Ends it in order; kills it, with all its children, when that takes much longer than the given time. */
  stop(timeoutMs?: number): Promise<void>;
  /** SIGKILL to it and all its children at once, as a crash of the machine would. */
  kill(): Promise<void>;
}

/** Starts a service in a process group of its own, and waits until it runs. */
export async function startService<State>(options: ServiceOptions<State>): Promise<Service<State>> {
  const child = fork(fileURLToPath(options.program), {
    detached: true,
    env: environment(options.env),
    execArgv: [],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${options.program.pathname} did not start`);
  const onLine = options.onLine ?? ((line: string) => process.stderr.write(`${line}\n`));
  forwardLines(child, onLine);

  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => {
      // Its own children are in its group; what it could not end must not stay.
      signal(-pid, 'SIGKILL');
      resolve();
    });
  });
  const send = (message: ToService) => {
    if (child.connected) child.send(message);
  };
  send({ type: 'start', options: options.options });
  let doing: string | undefined;
  let isTooSlow = false;
  const timeoutMs = options.startTimeoutMs ?? DEFAULT_START_TIMEOUT_MS;
  const timer = setTimeout(() => {
    isTooSlow = true;
    signal(-pid, 'SIGKILL');
  }, timeoutMs);
  const { name, noticeMs } = options;
  const stopNotices = noticeSlowStart({ name, onLine, doing: () => doing, noticeMs });
  const started = running(child, options, (told) => {
    doing = told;
  });
  let state: State = await started
    .catch((error: unknown) => {
      if (!isTooSlow) throw error;
      const last = doing === undefined ? '' : ` The last that it told: ${doing}.`;
      throw new Error(
        `Starting ${name} took more than ${timeoutMs / 1000} s, and was ended.${last} Now ${describeLoad()}: start again when it is less busy.`,
        { cause: error },
      );
    })
    .finally(() => {
      clearTimeout(timer);
      stopNotices();
    });
  child.on('message', (raw) => {
    const message = fromService.parse(raw);
    if (message.type === 'running') state = options.state.parse(message.state);
  });

  const kill = async () => {
    signal(-pid, 'SIGKILL');
    await ended;
  };
  return {
    pid,
    state: () => state,
    ended,
    kill,
    async stop(timeoutMs = DEFAULT_STOP_TIMEOUT_MS) {
      send({ type: 'stop', timeoutMs });
      const timer = setTimeout(() => signal(-pid, 'SIGKILL'), timeoutMs + STOP_GRACE_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}

function running<State>(
  child: ChildProcess,
  options: ServiceOptions<State>,
  onProgress: (doing: string) => void,
): Promise<State> {
  return new Promise<State>((resolve, reject) => {
    const onExit = (code: number | null) => {
      reject(new Error(`${options.program.pathname} ended (${code ?? 'killed'}) before it ran`));
    };
    const onMessage = (raw: unknown) => {
      const message = fromService.parse(raw);
      switch (message.type) {
        case 'progress':
          onProgress(message.doing);
          return;
        case 'running':
          resolve(options.state.parse(message.state));
          break;
        case 'failed':
          reject(new Error(message.message));
      }
      child.off('exit', onExit);
      child.off('message', onMessage);
    };
    child.once('exit', onExit);
    child.once('error', reject);
    child.on('message', onMessage);
  });
}

function forwardLines(child: ChildProcess, onLine: (line: string) => void): void {
  for (const stream of [child.stdout, child.stderr]) {
    if (stream) createInterface({ input: stream }).on('line', onLine);
  }
}
