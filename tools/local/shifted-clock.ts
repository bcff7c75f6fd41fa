/**
 * Preloaded into each function's process: its clocks differ from the machine's by what a file says, in milliseconds, and the
 * file may change while the process runs. The first number is how far the time of day is off, alone. The second one, where it
 * is there, is how much time has passed that the machine knows nothing of: by that the monotonic clock is ahead, too.
 */
import { readFileSync } from 'node:fs';

const READ_EVERY_MS = 50;

const file = new URL(import.meta.url).searchParams.get('file');
const machineNow = Date.now.bind(Date);
const machineMonotonicNow = performance.now.bind(performance);
let offMs = 0;
let passedMs = 0;
let readAt = Number.NEGATIVE_INFINITY;

function read(): void {
  if (file === null || machineMonotonicNow() - readAt <= READ_EVERY_MS) return;
  readAt = machineMonotonicNow();
  try {
    const [off = 0, passed = 0] = readFileSync(file, 'utf8').split(' ').map(Number);
    offMs = off;
    passedMs = passed;
  } catch {
    // The file is removed at the end of the run, which this process may outlive by a moment.
  }
}

function now(): number {
  read();
  return machineNow() + offMs + passedMs;
}

Date.now = now;
performance.now = () => {
  read();
  return machineMonotonicNow() + passedMs;
};
globalThis.Date = new Proxy(Date, {
  construct: (target, given: unknown[], newTarget: new () => object): object =>
    // Safe: what is constructed is a Date, which is an object.
    Reflect.construct(target, given.length === 0 ? [now()] : given, newTarget) as object,
  apply: () => new Date(now()).toString(),
});
