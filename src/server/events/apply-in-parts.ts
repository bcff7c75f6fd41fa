import { DatabaseUnavailable } from '../store/store.ts';

/** SQLSTATE of a statement that took longer than its time-out. */
const TOOK_TOO_LONG = '57014';
/** After this time of the request no part is begun, so that its sender still waits for the answer. */
const BEGUN_WITHIN_MS = 10_000;
/** After this time no part is split: trying its pieces could take the time of all later parts. */
const SPLIT_WITHIN_MS = 7_000;
/** Few calls for one slow item of 100: in time for three splits, which leave it alone. */
const PIECES = 8;
/** Share of the parts that are given up although there is time to split them. */
const GIVEN_UP = 1 / 4;

interface Part {
  from: number;
  to: number;
}

/**
 * Applies all items in one call. If that takes too long, nothing of it is kept, and its pieces are applied by a call each, and
 * the pieces of those that take too long, so that few items besides the slow ones are left. Never applies an item after a
 * later one: of an event that the items contain twice, the second is the duplicate.
 *
 * Where a part is split, and whether it is given up instead, is decided by chance. So repetitions of the same items do not
 * leave the same ones each time: neither the neighbours of a slow item, nor those behind several slow ones.
 * @param elapsed milliseconds since the request
 * @param apply applies these items; throws when nothing of them is kept
 * @param random from 0 to 1
 * @returns what `apply` returned for each item; null for those that are not applied
 * @throws what `apply` throws for all items, unless it took too long
 */
export async function applyInParts<Item, Answer>(
  items: Item[],
  elapsed: () => number,
  apply: (part: Item[]) => Promise<readonly Answer[]>,
  random: () => number,
): Promise<(Answer | null)[]> {
  const answers: (Answer | null)[] = items.map(() => null);
  const parts: Part[] = [{ from: 0, to: items.length }];
  for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
    const { from, to } = part;
    const isWhole = to - from === items.length;
    if (!isWhole && elapsed() > BEGUN_WITHIN_MS) break;
    try {
      for (const [index, answer] of (await apply(items.slice(from, to))).entries())
        answers[from + index] = answer;
    } catch (error) {
      const canSplit = tookTooLong(error) && to - from > 1;
      if (isWhole && !canSplit) throw error;
      const isWorthIt = isWhole || (elapsed() <= SPLIT_WITHIN_MS && random() >= GIVEN_UP);
      if (!canSplit || !isWorthIt) continue;
      const pieces = split(part, random);
      // Over a direct connection the whole takes 7 s. Then only one slow piece can be tried, so the first ones are left out by
      // chance: repetitions also reach those behind a slow one.
      const hasTime = elapsed() <= SPLIT_WITHIN_MS;
      parts.unshift(...pieces.slice(hasTime ? 0 : Math.floor(random() * pieces.length)));
    }
  }
  return answers;
}

/** Pieces of the same size, except the first, which is smaller by chance, and the last. */
function split({ from, to }: Part, random: () => number): Part[] {
  const size = Math.ceil((to - from) / PIECES);
  const pieces: Part[] = [];
  let end = from + 1 + Math.floor(random() * size);
  for (let begin = from; begin < to; end += size) {
    pieces.push({ from: begin, to: Math.min(end, to) });
    begin = end;
  }
  return pieces;
}

function tookTooLong(error: unknown): boolean {
  const cause = error instanceof DatabaseUnavailable ? error.cause : undefined;
  return typeof cause === 'object' && cause !== null && 'code' in cause && cause.code === TOOK_TOO_LONG;
}
