import { expect, it } from 'vitest';
import { checkHistory } from '../../../tools/chaos/history/check.ts';
import { explain } from '../../../tools/chaos/history/explain.ts';
import { createRandom } from '../../../tools/chaos/random.ts';
import { randomHistory, withWrongAnswer } from '../../support/random-history.ts';

const HISTORIES = 1_000;
/** 937 of 1,000. The rest is right in another order, or is one that nobody can tell from a right answer. */
const REFUSED_SHARE = 0.9;
/** As many as a chaos run of 2,000 jobs has. Some seconds. */
const REPORTS = 500;
/** For a search that grows with the calls of a report; one that grows with their orders would need millions. */
const STATES_PER_CALL = 50;

const histories = Array.from({ length: HISTORIES }, (_, seed) => {
  const random = createRandom(seed, 'history');
  const calls = random.whole(5, 60);
  return { random, calls: randomHistory(random, { report: `r${seed}`, calls, jobs: 4, start: 1_000_000 }) };
});

it('a history that was made in some order is explained, whatever overlapped and was lost', () => {
  const refused = histories.filter(({ calls }) => explain(calls).verdict !== 'explained');
  expect(refused.map(({ calls }) => calls[0]?.report)).toEqual([]);
});

it(`a history with one answer changed is refused in ${REFUSED_SHARE * 100} % at least, and always decided`, () => {
  const verdicts = histories.map(({ random, calls }) => explain(withWrongAnswer(random, calls)).verdict);
  expect(verdicts).not.toContain('undecided');
  const refused = verdicts.filter((verdict) => verdict === 'unexplained').length;
  expect(refused / HISTORIES).toBeGreaterThan(REFUSED_SHARE);
});

it('the search grows with the number of calls, not of their orders', () => {
  const random = createRandom(1, 'many');
  const many = Array.from({ length: REPORTS }, (_, at) =>
    randomHistory(random, { report: `r${at}`, calls: 60, jobs: 4, start: 1_000_000 }),
  );
  const checked = checkHistory(many.flat());
  expect(checked.explained).toBe(REPORTS);
  expect(checked.mostStates).toBeLessThan(STATES_PER_CALL * Math.max(...many.map((calls) => calls.length)));
});
