// Control characters, which terminals obey, and those that turn the direction of writing.
// eslint-disable-next-line no-control-regex -- these are what is to be found
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Prints one line per text. Line breaks are escaped: in text written by others they could forge a line. */
export function say(...lines: readonly string[]): void {
  for (const line of lines) console.log(readable(line));
}

/** The text without control characters, safe for a terminal, in one line. */
export function readable(text: string): string {
  return text.replace(UNSAFE, '\ufffd');
}
