/**
 * Preloaded into each function's process: its time of day differs from the machine's by what a file says, in milliseconds. The
 * file may change while the process runs. The monotonic clock stays as it is.
 */
import { readFileSync } from 'node:fs';

const READ_EVERY_MS = 50;

const file = new URL(import.meta.url).searchParams.get('file');
const machineNow = Date.now.bind(Date);
let shiftMs = 0;
let readAt = Number.NEGATIVE_INFINITY;

function now(): number {
  if (file !== null && performance.now() - readAt > READ_EVERY_MS) {
    readAt = performance.now();
    try {
      shiftMs = Number(readFileSync(file, 'utf8'));
    } catch {
      // The file is removed at the end of the run, which this process may outlive by a moment.
    }
  }
  return machineNow() + shiftMs;
}

Date.now = now;
globalThis.Date = new Proxy(Date, {
  construct: (target, given: unknown[], newTarget: new () => object): object =>
    // Safe: what is constructed is a Date, which is an object.
    Reflect.construct(target, given.length === 0 ? [now()] : given, newTarget) as object,
  apply: () => new Date(now()).toString(),
});
