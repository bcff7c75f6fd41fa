/** What the demo is doing: one line that is written over in a terminal, a line for each step elsewhere. */
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
