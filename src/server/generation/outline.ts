import { excerpt } from './excerpt.ts';

const MAX_HEADINGS = 100;
const MAX_HEADING_CHARACTERS = 200;

/** Headings of a report's sections: lines that begin with `## `, outside of code blocks. */
export function outline(markdown: string): string[] {
  const headings: string[] = [];
  let inCode = false;
  for (const line of markdown.split(/\r?\n/)) {
    if (/^ {0,3}(```|~~~)/.test(line)) inCode = !inCode;
    const heading = inCode ? undefined : /^## +(.+?)(?: +#+)? *$/.exec(line)?.[1];
    if (heading !== undefined) headings.push(excerpt(heading, MAX_HEADING_CHARACTERS));
  }
  return headings.slice(0, MAX_HEADINGS);
}
