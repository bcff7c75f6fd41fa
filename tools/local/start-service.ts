import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createInterface } from 'node:readline';
import type { z } from 'zod';
import { environment } from './environment.ts';
import { signal } from './processes.ts';
import { fromService, type ToService } from './service-messages.ts';
import { describeLoad, noticeSlowStart } from './slow-start.ts';

/** Far more than a start takes on an idle machine; a loaded one may need it. */
const DEFAULT_START_TIMEOUT_MS = 300_000;
const DEFAULT_STOP_TIMEOUT_MS = 10_000;
/** Time beyond the given one before a stopping service is killed. */
const STOP_GRACE_MS = 5_000;

interface ServiceOptions<State> {
  /** Name in messages, such as `the functions`. */
  name: string;
  /** The main program: a file that calls `runService`. */
  program: URL;
  options: unknown;
  state: z.ZodType<State>;
  env?: Readonly<Record<string, string>>;
  /** A service that has not started by then is killed. */
  startTimeoutMs?: number | undefined;
  /** Interval of notices about a slow start. */
  noticeMs?: number | undefined;
  /** Called with each line that the service prints. Default: our standard error. */
  onLine?: ((line: string) => void) | undefined;
}

export interface Service<State> {
  pid: number;
  /** The last reported state. */
  state(): State;
  /** Fulfilled when the process has ended for any reason. */
  ended: Promise<void>;
  /** Stops the service; kills it and all its children if that takes much longer than the given time. */
  stop(timeoutMs?: number): Promise<void>;
  /** Sends SIGKILL to the service and all its children at once, like a crash of the machine. */
  kill(): Promise<void>;
}

/** Starts a service in its own process group, and waits until it is ready. */
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
      // Its children are in its group; kill those that it did not stop.
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
