import { availableParallelism, loadavg } from 'node:os';

/** Told after this long, and again each time it has passed: on a loaded machine a start takes minutes, and is no fault. */
const NOTICE_MS = 15_000;

const PREFIX = 'still starting: ';

export function isSlowStartNotice(line: string): boolean {
  return line.startsWith(PREFIX);
}

/** How busy the machine is: the usual reason of a slow start. */
export function describeLoad(): string {
  const [lastMinute = 0] = loadavg();
  return `the load of this machine is ${lastMinute.toFixed(1)} on ${availableParallelism()} processors`;
}

/** Tells, every few seconds until it is stopped, that something is still starting, and what it does. */
export function noticeSlowStart(options: {
  name: string;
  onLine: (line: string) => void;
  /** What it does now; undefined: it does not say. */
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
