import { readFile } from 'node:fs/promises';
import { call as callSchema, type Call } from './call.ts';
import { explain, MAX_STATES } from './explain.ts';
import { describe } from './describe.ts';

export interface Checked {
  reports: number;
  explained: number;
  calls: number;
  /** Of the report that took the most. */
  mostStates: number;
  /** The histories that no order explains, or of which it could not be decided: as texts for people. */
  unexplained: { report: string; lines: string[] }[];
}

/**
 * Checks each report by itself: no call is about two of them, and what one answers depends on no other. A history is explained
 * where that of each report is (Herlihy and Wing, 1990: linearizability is local).
 */
export function checkHistory(calls: readonly Call[], maxStates = MAX_STATES): Checked {
  const byReport = Map.groupBy(calls, ({ report }) => report);
  const checked: Checked = {
    reports: byReport.size,
    explained: 0,
    calls: calls.length,
    mostStates: 0,
    unexplained: [],
  };
  for (const [report, own] of byReport) {
    const explanation = explain(own, maxStates);
    checked.mostStates = Math.max(checked.mostStates, explanation.states);
    if (explanation.verdict === 'explained') {
      checked.explained += 1;
      continue;
    }
    const lines =
      explanation.verdict === 'undecided'
        ? [`could not be decided within ${maxStates} states`]
        : describe(own);
    checked.unexplained.push({ report, lines });
  }
  return checked;
}

/** A call a line, as JSON. */
export function printHistory(calls: readonly Call[]): string {
  return calls.map((one) => `${JSON.stringify(one)}\n`).join('');
}

export async function readHistory(path: string): Promise<Call[]> {
  const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '');
  return lines.map((line) => callSchema.parse(JSON.parse(line)));
}
