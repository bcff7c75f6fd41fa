/** A part of a text, and what became of it. */
export interface Piece {
  kind: 'same' | 'added' | 'removed';
  text: string;
}

/** A paragraph that changed has its words; `same` may be several paragraphs, which `count` counts. */
export type Block =
  { kind: 'same' | 'added' | 'removed'; text: string; count: number } | { kind: 'changed'; pieces: Piece[] };

/** A comparison costs the product of both lengths. This many steps take about 50 ms and 8 MB. */
const MOST_STEPS = 4_000_000;
/** So many paragraphs beside each other are compared by word: beyond, a text was written anew. */
const MOST_PAIRS = 500;
/** Paragraphs that share less than this share of their words are two, not one that changed. */
const ALIKE = 0.4;

interface Budget {
  steps: number;
}

/** What has changed from one text to another, by paragraph and, within a paragraph, by word. Of texts too long to compare: whole. */
export function compareTexts(before: string, after: string): Block[] {
  const budget: Budget = { steps: MOST_STEPS };
  const runs = runsOf(compare(paragraphsOf(before), paragraphsOf(after), { steps: MOST_STEPS }));
  const blocks: Block[] = [];
  for (let index = 0; index < runs.length; index += 1) {
    const [run, next] = [runs[index], runs[index + 1]];
    if (run?.kind === 'removed' && next?.kind === 'added') {
      blocks.push(...pair(run.texts, next.texts, budget));
      index += 1;
    } else if (run !== undefined) {
      blocks.push(blockOf(run.kind, run.texts));
    }
  }
  return blocks;
}

function paragraphsOf(text: string): string[] {
  return text
    .replaceAll('\r\n', '\n')
    .split(/\n[ \t]*\n\s*/)
    .map((paragraph) => paragraph.trimEnd())
    .filter((paragraph) => paragraph !== '');
}

/** A word with the space after it: only the word is compared. */
function wordsOf(text: string): string[] {
  return text.match(/^\s+|\S+\s*/g) ?? [];
}

function blockOf(kind: Piece['kind'], texts: readonly string[]): Block {
  return { kind, text: texts.join('\n\n'), count: texts.length };
}

/** Removed paragraphs beside added ones: those that are alike, in their order, are one that changed. */
function pair(removed: readonly string[], added: readonly string[], budget: Budget): Block[] {
  const blocks: Block[] = [];
  const pairs = Math.min(removed.length, added.length, MOST_PAIRS);
  /** From here on no paragraph has found its like. */
  let start = 0;
  const flush = (endOfRemoved: number, endOfAdded: number) => {
    if (endOfRemoved > start) blocks.push(blockOf('removed', removed.slice(start, endOfRemoved)));
    if (endOfAdded > start) blocks.push(blockOf('added', added.slice(start, endOfAdded)));
  };
  for (let index = 0; index < pairs; index += 1) {
    const [was, is] = [removed[index] ?? '', added[index] ?? ''];
    const pieces = compare(wordsOf(was), wordsOf(is), budget);
    if (!isAlike(pieces)) continue;
    flush(index, index);
    start = index + 1;
    blocks.push({
      kind: 'changed',
      pieces: runsOf(pieces).map(({ kind, texts }) => ({ kind, text: texts.join('') })),
    });
  }
  flush(removed.length, added.length);
  return blocks;
}

function isAlike(pieces: readonly Piece[]): boolean {
  const same = pieces.filter(({ kind }) => kind === 'same').length;
  return same >= ALIKE * (pieces.length - same);
}

/** Neighbours of one kind together. */
function runsOf(pieces: readonly Piece[]): { kind: Piece['kind']; texts: string[] }[] {
  const runs: { kind: Piece['kind']; texts: string[] }[] = [];
  for (const { kind, text } of pieces) {
    const last = runs.at(-1);
    if (last?.kind === kind) last.texts.push(text);
    else runs.push({ kind, texts: [text] });
  }
  return runs;
}

/** The longest common subsequence, by the table of all pairs. What both begin and end with is left out of the table. */
function compare(before: readonly string[], after: readonly string[], budget: Budget): Piece[] {
  const isSame = (a: number, b: number) => before[a]?.trimEnd() === after[b]?.trimEnd();
  let start = 0;
  while (start < before.length && start < after.length && isSame(start, start)) start += 1;
  let [endBefore, endAfter] = [before.length, after.length];
  while (endBefore > start && endAfter > start && isSame(endBefore - 1, endAfter - 1)) {
    endBefore -= 1;
    endAfter -= 1;
  }
  const kept = (texts: readonly string[]) => texts.map((text): Piece => ({ kind: 'same', text }));
  return [
    ...kept(after.slice(0, start)),
    ...compareMiddle(before.slice(start, endBefore), after.slice(start, endAfter), budget),
    ...kept(after.slice(endAfter)),
  ];
}

function compareMiddle(before: readonly string[], after: readonly string[], budget: Budget): Piece[] {
  const removed = before.map((text): Piece => ({ kind: 'removed', text }));
  const added = after.map((text): Piece => ({ kind: 'added', text }));
  const width = after.length + 1;
  const steps = (before.length + 1) * width;
  if (before.length === 0 || after.length === 0 || steps > budget.steps) return [...removed, ...added];
  budget.steps -= steps;
  const [was, is] = [before, after].map((texts) => texts.map((text) => text.trimEnd()));
  // Of each pair of positions: how much of what follows both is common. At most 2,000, since the table's area is bounded.
  const common = new Uint16Array(steps);
  const at = (row: number, column: number) => common[row * width + column] ?? 0;
  for (let row = before.length - 1; row >= 0; row -= 1) {
    for (let column = after.length - 1; column >= 0; column -= 1) {
      common[row * width + column] =
        was?.[row] === is?.[column]
          ? at(row + 1, column + 1) + 1
          : Math.max(at(row + 1, column), at(row, column + 1));
    }
  }
  const pieces: Piece[] = [];
  let [row, column] = [0, 0];
  while (row < before.length && column < after.length) {
    if (was?.[row] === is?.[column]) {
      pieces.push({ kind: 'same', text: after[column] ?? '' });
      row += 1;
      column += 1;
    } else if (at(row + 1, column) >= at(row, column + 1)) {
      pieces.push({ kind: 'removed', text: before[row] ?? '' });
      row += 1;
    } else {
      pieces.push({ kind: 'added', text: after[column] ?? '' });
      column += 1;
    }
  }
  return [...pieces, ...removed.slice(row), ...added.slice(column)];
}
