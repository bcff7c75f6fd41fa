import { DatabaseUnavailable } from '../store/store.ts';

/** SQLSTATE of a statement that took longer than its time-out. */
const TOOK_TOO_LONG = '57014';
/** After this time of the request no part is begun, so that its sender still waits for the answer. */
const BEGUN_WITHIN_MS = 10_000;

/**
 * Applies all items in one call. If that takes too long, nothing of it is kept, and its halves are applied by a call each, and
 * their halves, until only what is slow is left.
 * @param elapsed milliseconds since the request
 * @param apply applies these items; throws when nothing of them is kept
 * @returns what `apply` returned for each item; null for those that are not applied
 * @throws what `apply` throws for all items, unless it took too long
 */
export async function applyInParts<Item, Answer>(
  items: Item[],
  elapsed: () => number,
  apply: (part: Item[]) => Promise<readonly Answer[]>,
): Promise<(Answer | null)[]> {
  const answers: (Answer | null)[] = items.map(() => null);
  const parts = [{ from: 0, to: items.length }];
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
      if (!canSplit) continue;
      const middle = from + Math.ceil((to - from) / 2);
      const halves = [
        { from, to: middle },
        { from: middle, to },
      ];
      // By chance, so that a repeated batch does not always spend its time on the same half.
      parts.push(...(Math.random() < 0.5 ? halves : halves.reverse()));
    }
  }
  return answers;
}

function tookTooLong(error: unknown): boolean {
  const cause = error instanceof DatabaseUnavailable ? error.cause : undefined;
  return typeof cause === 'object' && cause !== null && 'code' in cause && cause.code === TOOK_TOO_LONG;
}
