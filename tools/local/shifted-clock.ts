/**
 * Preloaded into each function's process: shifts its clocks by the milliseconds in a file, which may change at any time. The
 * first number shifts only the time of day. The second one (optional) is time that has passed in the system but not on the
 * machine; it shifts the monotonic clock too.
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
    // The file is deleted at the end of the run, which this process may outlive by a moment.
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
    // Safe: Reflect.construct creates a Date, which is an object.
    Reflect.construct(target, given.length === 0 ? [now()] : given, newTarget) as object,
  apply: () => new Date(now()).toString(),
});
