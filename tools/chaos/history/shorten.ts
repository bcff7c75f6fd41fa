import type { Call } from './call.ts';
import { explain } from './explain.ts';

/** Of each search: a shorter history is no use where it takes long to see that nothing explains it. */
const MAX_STATES = 2_000;

/**
 * Of a history that no order explains: the answers that together are enough for that, as few as can be left. Each other answer is
 * forgotten, one by one, as if it had been lost: its call may then have happened or not, so that whatever explained the history
 * before would still do.
 */
export function shorten(calls: readonly Call[]): { needed: Call[]; forgotten: Call[] } {
  const forgotten = new Set(calls.filter(({ answer }) => answer === null));
  // The order of effects is forgotten last: without it, a search has far more to try.
  const rank = (call: Call) => (call.call === 'list events' ? -Infinity : call.begin);
  let needed = calls
    .filter(({ answer }) => answer !== null)
    .toSorted((one, other) => rank(one) - rank(other));
  const isEnough = (kept: readonly Call[]) => {
    const lost = calls.filter((call) => !kept.includes(call)).map(forget);
    return explain([...kept, ...lost], MAX_STATES).verdict === 'unexplained';
  };
  for (let size = Math.ceil(needed.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    // From the end: what comes late mostly follows from what came before.
    for (let from = needed.length - size; from > -size; from -= size) {
      const part = needed.slice(Math.max(0, from), from + size);
      const rest = needed.filter((call) => !part.includes(call));
      if (!isEnough(rest)) continue;
      needed = rest;
      for (const call of part) forgotten.add(call);
    }
  }
  return { needed, forgotten: [...forgotten] };
}

function forget(call: Call): Call {
  return { ...call, end: null, answer: null };
}
