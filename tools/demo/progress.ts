/** Progress of the demo: on a terminal one line that is overwritten, elsewhere one line per step. */
export function createProgress(stream: NodeJS.WriteStream): {
  step: (text: string) => void;
  print: (text: string) => void;
} {
  const inPlace = stream.isTTY;
  let last = '';
  const clear = () => {
    if (inPlace && last !== '') stream.write('\r\u001b[2K');
    last = '';
  };
  return {
    step(text) {
      if (text === last) return;
      clear();
      stream.write(inPlace ? text.slice(0, stream.columns - 1) : `${text}\n`);
      last = text;
    },
    print(text) {
      clear();
      stream.write(`${text}\n`);
    },
  };
}
