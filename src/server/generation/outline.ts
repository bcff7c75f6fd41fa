import { trimEndOf } from '../../contracts/trim-end.ts';
import { excerpt } from './excerpt.ts';

const MARK = '## ';
const MAX_HEADINGS = 100;
const MAX_HEADING_CHARACTERS = 200;

/** Headings of a report's sections: lines that begin with `## `, outside of code blocks. */
export function outline(markdown: string): string[] {
  const headings: string[] = [];
  let inCode = false;
  for (const line of markdown.split(/\r?\n/)) {
    if (/^ {0,3}(```|~~~)/.test(line)) inCode = !inCode;
    const heading = inCode || !line.startsWith(MARK) ? '' : headingOf(line);
    if (heading !== '') headings.push(excerpt(heading, MAX_HEADING_CHARACTERS));
    if (headings.length === MAX_HEADINGS) break;
  }
  return headings;
}

/** The heading without the marks that may close it. Those follow a space: `C#` keeps its own. */
function headingOf(line: string): string {
  const text = line.slice(MARK.length).trim();
  const open = trimEndOf(text, '#');
  return open === '' || /\s/.test(open.charAt(open.length - 1)) ? open.trimEnd() : text;
}
