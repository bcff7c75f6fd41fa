const MOST_CHARACTERS = 200_000;
const MOST_LINES = 10_000;
/** Of quotes and lists in one another: what their marks take at the beginning of a line. */
const MOST_NESTING_COLUMNS = 60;
const MOST_TABLE_COLUMNS = 200;
/** Of the parser, which does some ten million in a second. */
const MOST_STEPS = 20_000_000;
const STEPS_PER_CELL = 1000;

const CONTAINERS = /^(?:[ \t]*(?:>|(?:[-+*]|\d{1,9}[.)])(?=[ \t]|$)))*/;
/** Where a paragraph ends: at a blank line, an item or a heading. */
const PARAGRAPH_END = /^(?:[ \t]*$| {0,3}(?:[-+*][ \t]+[^ \t]|#{1,6}[ \t]))/;
/** An item that only ends the item before it, of the same list: in a paragraph its number is text. */
const NUMBERED_ITEM = /^\d{1,9}([.)])[ \t]+[^ \t]/;
const FENCE = /^ {0,3}(?:(`{3,})[^`]*|(~{3,}).*)$/;
/** HTML may swallow what looks like a fence. */
const HTML = /^[ \t]*</;
/** A line that may head a table. An escaped bar parts no cells. */
const HEADER_ROW = /^ {0,3}[^\s\\][^\\]*$/;
const DELIMITER_ROW = /^ {0,3}\|?(?:[ \t]*:?-+:?[ \t]*\|)*[ \t]*:?-+:?[ \t]*(?:\|[ \t]*)?$/;
/** What underlines a heading. */
const UNDERLINE = /^[ \t>]*(?:=+|-+)[ \t]*$/;
const FOOTNOTE = /^[ \t]*\[\^/;
const MARK = /[*_~[\]!<`]/g;
const DESTINATION = /\]:\s*(?:<([^>\n]*)|(\S+))/g;

/**
 * Whether Markdown would hold the page up for seconds, or nests too deeply to be laid out: told from the text alone, in
 * one pass. The parser's time grows with the square of some of what is counted here, so that a small text may take minutes.
 */
export function isCostly(text: string): boolean {
  if (text.length > MOST_CHARACTERS) return true;
  const lines = text.split(/\r\n?|\n/);
  if (lines.length > MOST_LINES) return true;
  let steps = 0;
  let nested = 0;
  let before = 0;
  // Where a quote, a list, a heading or a footnote closes, the parser copies all that came before.
  let closings = 0;
  let paragraph = emptyParagraph();
  let fence: string | null = null;
  let hasHtml = false;
  for (const line of [...lines, '']) {
    const mark: string | undefined = hasHtml ? undefined : (FENCE.exec(line)?.[1] ?? FENCE.exec(line)?.[2]);
    if (fence !== null) {
      if (mark?.startsWith(fence) && line.trim() === mark) fence = null;
      continue;
    }
    hasHtml ||= HTML.test(line);
    const item = NUMBERED_ITEM.exec(line)?.[1];
    const columns = count(line, /\|/g);
    if (mark !== undefined || PARAGRAPH_END.test(line) || (item !== undefined && item === paragraph.item)) {
      steps += stepsOf(paragraph);
      paragraph = emptyParagraph();
    }
    if (mark !== undefined) {
      fence = mark;
      continue;
    }
    const containers = CONTAINERS.exec(line)?.[0] ?? '';
    const nesting = containers.replaceAll('\t', '    ').length;
    if (nesting > MOST_NESTING_COLUMNS || columns > MOST_TABLE_COLUMNS) return true;
    if (nesting < before || UNDERLINE.test(line) || FOOTNOTE.test(line.slice(containers.length)))
      closings += 1;
    before = nesting;
    nested += nesting;
    // The second line of what may be a table makes it one, and each cell of it a paragraph of its own.
    const isDelimiter = columns > 0 && nesting === 0 && DELIMITER_ROW.test(line);
    if (isDelimiter && paragraph.header !== undefined && cellsOf(paragraph.header) === cellsOf(line)) {
      paragraph.isTable = true;
    }
    paragraph.header = paragraph.lines === 0 && nesting === 0 && HEADER_ROW.test(line) ? line : undefined;
    if (paragraph.isTable) {
      steps += paragraph.marks ** 2;
      paragraph.marks = 0;
    }
    if (paragraph.lines === 0) paragraph.item = item;
    paragraph.marks += count(line, MARK);
    paragraph.lines += 1;
    paragraph.columns = Math.max(paragraph.columns, columns);
  }
  steps += lines.length * (closings + nested) + count(text, /\[\^/g) ** 2;
  // Each reference repeats what its definition leads to.
  const longest = Math.max(
    0,
    ...[...text.matchAll(DESTINATION)].map(([, angled, to]) => (angled ?? to ?? '').length),
  );
  steps += longest * count(text, /\[/g);
  return steps > MOST_STEPS;
}

interface Paragraph {
  marks: number;
  lines: number;
  columns: number;
  isTable: boolean;
  /** Its line, while it has but one. */
  header: string | undefined;
  /** What follows the number of the item that it began with. */
  item: string | undefined;
}

function emptyParagraph(): Paragraph {
  return { marks: 0, lines: 0, columns: 0, isTable: false, header: undefined, item: undefined };
}

/** Each mark is looked at with all that it may close; each row of a table is filled up to its longest. */
function stepsOf({ marks, lines, columns }: Paragraph): number {
  return marks ** 2 + lines * columns * STEPS_PER_CELL;
}

function cellsOf(row: string): number {
  return row.trim().replace(/^\|/, '').replace(/\|$/, '').split('|').length;
}

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}
