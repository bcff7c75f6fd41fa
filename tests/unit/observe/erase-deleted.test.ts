import { expect, it } from 'vitest';
import { eraseDeleted } from '../../../src/server/observe/erasure.ts';
import type { Store } from '../../../src/server/store/store.ts';

// An id of no version of RFC 9562, as people could write it into a row.
const USER = '11111111-1111-1111-1111-111111111111';
const NOTHING = { reports: 0, users: [], errors: [], busy: false, left: true };

/** Gives prepared answers in turn, and records the log. */
function answering(...answers: object[]) {
  let calls = 0;
  const lines: unknown[] = [];
  const rpc: Store['rpc'] = (_name, _parameters, schema) => {
    calls += 1;
    return Promise.resolve(schema.parse(answers[calls - 1]));
  };
  return {
    services: {
      rpc,
      now: () => 0,
      monotonicNow: () => 0,
      log: (...line: unknown[]) => void lines.push(line),
    },
    lines,
    calls: () => calls,
  };
}

it('goes on until nothing is left, with a line in the log for each account', async () => {
  const { services, lines, calls } = answering(
    { ...NOTHING, reports: 100 },
    { ...NOTHING, reports: 2, users: [USER], left: false },
  );
  expect(await eraseDeleted(services, 1)).toBe(103);
  expect(calls()).toBe(2);
  expect(lines).toEqual([
    ['info', 'the content of an account was erased', { erased: USER, time: '1970-01-01T00:00:00.000Z' }],
  ]);
});

it.each([
  ['nothing could be done, since others hold the rest', NOTHING, 1],
  ['its time is over', { ...NOTHING, reports: 100 }, 0],
])('leaves the rest to the next sweep when %s', async (_why, answer, deadline) => {
  const { services, calls } = answering(answer);
  await eraseDeleted(services, deadline);
  expect(calls()).toBe(1);
});

it('goes on with one that takes more than one call', async () => {
  const { services, calls } = answering({ ...NOTHING, busy: true }, { ...NOTHING, reports: 1, left: false });
  expect(await eraseDeleted(services, 1)).toBe(1);
  expect(calls()).toBe(2);
});

it('says in the log what failed', async () => {
  const { services, lines } = answering({ ...NOTHING, errors: [{ report_id: USER, error: 'poisonous' }] });
  await eraseDeleted(services, 1);
  expect(lines).toEqual([
    ['error', 'an erasure failed; the next sweep retries it', { report_id: USER, error: 'poisonous' }],
  ]);
});
