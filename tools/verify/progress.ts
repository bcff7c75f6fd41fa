import type { WriteStream } from 'node:tty';

/** How far a program is: one line that changes on a terminal, elsewhere (a log) a line for each tenth. */
interface Progress {
  /** `done` is between 0 and 1. */
  show(done: number): void;
  /** Removes the line, so that what is printed next stands alone. */
  clear(): void;
}

export function startProgress(to: Pick<WriteStream, 'write' | 'isTTY'>, program: string): Progress {
  let shown = 0;
  return {
    show(done) {
      // 100 % is not said before the end.
      const percent = Math.min(99, Math.floor(done * 100));
      if (to.isTTY) to.write(`\r\u001b[K${program}: ${percent} %`);
      else if (percent >= shown + 10) {
        shown = percent - (percent % 10);
        to.write(`${program}: ${shown} %\n`);
      }
    },
    clear() {
      if (to.isTTY) to.write('\r\u001b[K');
    },
  };
}
