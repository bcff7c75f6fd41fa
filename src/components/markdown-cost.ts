const MOST_CHARACTERS = 200_000;
const MOST_LINES = 10_000;
/** Of quotes and lists in one another: what their marks take at the beginning of a line. */
const MOST_NESTING_COLUMNS = 60;
const MOST_TABLE_COLUMNS = 200;
/** Of the parser, which does some ten million in a second. */
const MOST_STEPS = 10_000_000;
const STEPS_PER_NESTED_LINE = 10;
const STEPS_PER_CELL = 100;

const CONTAINERS = /^(?:[ \t]*(?:>|(?:[-+*]|\d{1,9}[.)])(?=[ \t]|$)))*/;
/** Where a paragraph ends: at a blank line, an item or a heading. */
const PARAGRAPH_END = /^(?:[ \t]*$| {0,3}(?:[-+*][ \t]+[^ \t]|#{1,6}[ \t]))/;
/** What underlines a heading, and where a footnote begins. */
const CLOSING = /^[ \t>]*(?:(?:=+|-+)[ \t]*$|\[\^)/;
const MARK = /[*_~[\]!<`]/g;
const DESTINATION = /\]:\s*(\S+)/g;

/**
 * Whether Markdown would hold the page up for seconds, or nests too deeply to be laid out: told from the text alone, in
 * one pass. The parser's time grows with the square of some of what is counted here, so that a small text may take minutes.
 */
export function isCostly(text: string): boolean {
  if (text.length > MOST_CHARACTERS) return true;
  const lines = text.split(/\r\n?|\n/);
  if (lines.length > MOST_LINES) return true;
  let steps = 0;
  let deepest = 0;
  let before = 0;
  // Where a quote, a list, a heading or a footnote closes, the parser copies all that came before.
  let closings = 0;
  let paragraph = { marks: 0, lines: 0, columns: 0 };
  for (const line of [...lines, '']) {
    if (PARAGRAPH_END.test(line)) {
      // Each mark is looked at with all that it may close; each row of a table is filled up to its longest.
      steps += paragraph.marks ** 2 + paragraph.lines * paragraph.columns * STEPS_PER_CELL;
      paragraph = { marks: 0, lines: 0, columns: 0 };
    }
    const nesting = (CONTAINERS.exec(line)?.[0] ?? '').replaceAll('\t', '    ').length;
    const columns = count(line, /\|/g);
    if (nesting > MOST_NESTING_COLUMNS || columns > MOST_TABLE_COLUMNS) return true;
    if (nesting < before || CLOSING.test(line)) closings += 1;
    before = nesting;
    deepest = Math.max(deepest, nesting);
    paragraph.marks += count(line, MARK);
    paragraph.lines += 1;
    paragraph.columns = Math.max(paragraph.columns, columns);
  }
  steps += lines.length * (closings + deepest * STEPS_PER_NESTED_LINE);
  // Each reference repeats what its definition leads to.
  const longest = Math.max(0, ...[...text.matchAll(DESTINATION)].map(([, to]) => to?.length ?? 0));
  steps += longest * count(text, /\[/g);
  return steps > MOST_STEPS;
}

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}
