import type { WriteStream } from 'node:tty';

/** Progress display: on a terminal one changing line, elsewhere (such as a log) one line per 10 %. */
interface Progress {
  /** `done` is between 0 and 1. */
  show(done: number): void;
  /** Removes the line, so that the next output starts on an empty line. */
  clear(): void;
}

export function startProgress(to: Pick<WriteStream, 'write' | 'isTTY'>, program: string): Progress {
  let shown = 0;
  return {
    show(done) {
      // At most 99 % before the end.
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
