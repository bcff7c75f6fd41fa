import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';

/** Prompts without echo. Without a terminal, reads the first line of standard input. */
export function readHidden(question: string): Promise<string> {
  return read(question, new Writable({ write: (_chunk, _encoding, done) => done() }));
}

/** Prompts for a line. Without a terminal, reads the first line of standard input. */
export function readLine(question: string): Promise<string> {
  return read(question, process.stderr);
}

async function read(question: string, output: NodeJS.WritableStream): Promise<string> {
  const isTyped = process.stdin.isTTY;
  if (isTyped) process.stderr.write(question);
  const lines = createInterface({ input: process.stdin, output, terminal: isTyped });
  try {
    for await (const line of lines) return line;
    return '';
  } finally {
    lines.close();
    if (isTyped) process.stderr.write('\n');
  }
}
