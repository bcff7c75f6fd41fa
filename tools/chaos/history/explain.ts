import type { Call, FinalEvent } from './call.ts';
import { isAnsweredBy, keyOf, NEW_REPORT, perform, type Report } from './report.ts';

type Explanation =
  /** The calls in one order that explains every answer, without those that need not have happened. */
  | { verdict: 'explained'; order: Call[]; states: number }
  | { verdict: 'unexplained'; states: number }
  /** The search was ended after so many states. */
  | { verdict: 'undecided'; states: number };

/** Of one report, in which the longest search of a sound run looked at a thousandth of it. */
export const MAX_STATES = 200_000;

interface Node {
  report: Report;
  /** Answered calls that have happened: all before `first`, and these. */
  first: number;
  beyond: ReadonlySet<number>;
  last: Placed | null;
}

/** The order so far, from its end. */
interface Placed {
  call: Call;
  before: Placed | null;
}

/**
 * Looks for an order of the calls about one report in which each of them happens at one moment between its begin and its end, and
 * answers what `perform()` says. A call without an answer happens at some moment after its begin, or never.
 *
 * The search is that of Wing and Gong (1993), which tries each call that may come next, with Lowe's memory (2016) of what it has
 * tried: the calls that have happened, and the state they led to. Two things keep it short. A call that fits and changes nothing
 * is placed at once: whatever comes later would find the same state. A call without an answer is no part of what is remembered:
 * happening twice changes nothing, so that the state says whether it has happened.
 */
export function explain(calls: readonly Call[], maxStates = MAX_STATES): Explanation {
  const byBegin = calls.toSorted((one, other) => one.begin - other.begin);
  const answered = byBegin.filter(isAnswered);
  const lost = byBegin.filter((call) => !isAnswered(call));
  const order = orderOf(calls);
  const tried = new Set<string>();
  const open: Node[] = [{ report: NEW_REPORT, first: 0, beyond: new Set(), last: null }];
  let states = 0;

  /** The answered calls that may come next, by their place: those that began before the first end of all that are left. */
  function next({ first, beyond }: Node): { places: number[]; firstEnd: number } {
    const places: number[] = [];
    let firstEnd = Infinity;
    for (let place = first; place < answered.length; place += 1) {
      const call = answered[place];
      if (call === undefined || call.begin > firstEnd) break;
      if (beyond.has(place)) continue;
      places.push(place);
      firstEnd = Math.min(firstEnd, call.end);
    }
    return { places: places.filter((place) => (answered[place]?.begin ?? Infinity) <= firstEnd), firstEnd };
  }

  function after(node: Node, place: number, call: Call, report: Report): Node {
    let { first } = node;
    const beyond = new Set(node.beyond).add(place);
    while (beyond.delete(first)) first += 1;
    return { report, first, beyond, last: { call, before: node.last } };
  }

  /** Places what fits and changes nothing, as long as there is any. */
  function settle(node: Node): Node {
    for (let settled = node; ;) {
      const found = next(settled).places.find((place) => {
        const call = answered[place];
        const step = call && perform(settled.report, call, order);
        return call && step && step.next === settled.report && isAnsweredBy(call, step);
      });
      const call = found === undefined ? undefined : answered[found];
      if (found === undefined || call === undefined) return settled;
      settled = after(settled, found, call, settled.report);
    }
  }

  for (let popped = open.pop(); popped !== undefined; popped = open.pop()) {
    const node = settle(popped);
    const key = `${node.first} ${[...node.beyond].sort((one, other) => one - other).join(',')}\n${keyOf(node.report)}`;
    if (tried.has(key)) continue;
    tried.add(key);
    states += 1;
    if (node.first === answered.length) return { verdict: 'explained', order: orderFrom(node.last), states };
    if (states >= maxStates) return { verdict: 'undecided', states };
    const { places, firstEnd } = next(node);
    const branches: { node: Node; end: number }[] = [];
    for (const place of places) {
      const call = answered[place];
      const step = call && perform(node.report, call, order);
      if (call && step && isAnsweredBy(call, step)) {
        branches.push({ node: after(node, place, call, step.next), end: call.end });
      }
    }
    for (const call of lost) {
      if (call.begin > firstEnd) break;
      const step = perform(node.report, call, order);
      if (step && step.next !== node.report) {
        const last = { call, before: node.last };
        branches.push({ node: { ...node, report: step.next, last }, end: Infinity });
      }
    }
    // What ends first is tried first.
    branches.sort((one, other) => other.end - one.end);
    open.push(...branches.map((branch) => branch.node));
  }
  return { verdict: 'unexplained', states };
}

type Answered = Call & { end: number };

function isAnswered(call: Call): call is Answered {
  return call.answer !== null && call.end !== null;
}

function orderOf(calls: readonly Call[]): FinalEvent[] | null {
  for (const call of calls) if (call.call === 'list events' && call.answer !== null) return call.answer;
  return null;
}

function orderFrom(last: Placed | null): Call[] {
  const order: Call[] = [];
  for (let placed = last; placed !== null; placed = placed.before) order.push(placed.call);
  return order.reverse();
}
