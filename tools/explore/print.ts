import { SESSION_NAMES } from './bed.ts';
import type { Played } from './orders.ts';
import type { PairResult } from './pairs.ts';
import type { Scene } from './scene.ts';
import { STEPS } from './steps.ts';

/** Characters of a call or an answer. */
const MOST_PRINTED = 400;

export function describePair({
  pair,
  stops,
  orders,
  blocked,
  evaded,
  shared,
  failures,
  faults,
}: PairResult): string {
  const verdict = failures.length + faults.length === 0 ? 'ok    ' : 'FAILED';
  const counts = [
    `${stops.join(' + ')} stops`,
    `${orders} orders`,
    `${blocked} blocked`,
    `${evaded} went another way`,
    `${shared.length} shared locks`,
  ];
  return [
    `${verdict} ${pair.join(' × ')}: ${counts.join(', ')}`,
    ...faults.map((fault) => `       ${fault}`),
  ].join('\n');
}

/** An order that failed, as a test for `tests/failure/explored-orders.test.ts`. */
export function asTest(scene: Scene, { order, places, ends, problems }: Played): string {
  const { first, firstStop, second, secondStop } = order;
  const stops = { first: firstStop, second: secondStop };
  const calls = SESSION_NAMES.flatMap((name) => {
    const reached = places[name].slice(0, stops[name]);
    const stopped = reached.length < stops[name] ? 'not stopped' : `stopped before ${reached.at(-1) ?? ''}`;
    return [
      `  // The ${name} call: ${STEPS[order[name]].call(scene, name).replaceAll(/\s+/g, ' ').slice(0, MOST_PRINTED)}`,
      `  // ${stopped}, after ${reached.slice(0, -1).join(', ') || 'nothing'}`,
      `  // In the end: ${JSON.stringify(ends[name]).slice(0, MOST_PRINTED)}`,
    ];
  });
  return [
    ...problems.map((problem) => `// ${problem}`),
    `it('${first} and ${second}, stopped at ${firstStop} and ${secondStop}', async () => {`,
    ...calls,
    `  const order = ${JSON.stringify({ first, firstStop, second, secondStop })} as const;`,
    '  expect((await play(bed, scene, order)).problems).toEqual([]);',
    '});',
  ].join('\n');
}
