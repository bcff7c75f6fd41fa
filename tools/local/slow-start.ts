import { availableParallelism, loadavg } from 'node:os';

/** Interval of the notices. On a loaded machine, a start of several minutes is not a fault. */
const NOTICE_MS = 15_000;

const PREFIX = 'still starting: ';

export function isSlowStartNotice(line: string): boolean {
  return line.startsWith(PREFIX);
}

/** The load of the machine: the usual reason for a slow start. */
export function describeLoad(): string {
  const [lastMinute = 0] = loadavg();
  return `the load of this machine is ${lastMinute.toFixed(1)} on ${availableParallelism()} processors`;
}

/** Prints a notice at this interval, until stopped: what is still starting, and what it is doing. */
export function noticeSlowStart(options: {
  name: string;
  onLine: (line: string) => void;
  /** Returns the current step; undefined: unknown. */
  doing?: () => string | undefined;
  noticeMs?: number | undefined;
}): () => void {
  const started = performance.now();
  const timer = setInterval(() => {
    const doing = options.doing?.();
    const details = [
      `${Math.round((performance.now() - started) / 1000)} s`,
      ...(doing === undefined ? [] : [doing]),
      describeLoad(),
    ];
    options.onLine(`${PREFIX}${options.name} (${details.join('; ')})`);
  }, options.noticeMs ?? NOTICE_MS);
  return () => {
    clearInterval(timer);
  };
}
