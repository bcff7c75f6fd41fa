import { expect, it } from 'vitest';
import { prune } from '../../../src/server/observe/retention.ts';
import type { Store } from '../../../src/server/store/store.ts';

const RETENTION = { auditDays: 90, payloadDays: 30, jobDays: 60 };
const NOTHING = { audit: 0, refusals: 0, alerts: 0, plans: 0, checks: 0, payloads: 0, jobs: 0 };
const PLACE = { at: '2026-08-01T00:00:00.000001+00:00', id: 'a' };

/** Gives prepared answers in turn, and records where each call begins. */
function answering(...answers: object[]) {
  const places: unknown[] = [];
  const rpc: Store['rpc'] = (_name, parameters, schema) => {
    places.push((parameters as { p_after?: unknown }).p_after);
    return Promise.resolve(schema.parse(answers[places.length - 1]));
  };
  return { rpc, places };
}

it('goes on where the last call ended, until nothing is left to look at', async () => {
  const { rpc, places } = answering(
    { ...NOTHING, audit: 500, jobs: 3, after: { audit: PLACE } },
    { ...NOTHING, after: { audit: { ...PLACE, id: 'b' } } },
    { ...NOTHING, audit: 7, after: null },
  );
  expect(await prune({ rpc, monotonicNow: () => 0, retention: RETENTION, pauseMaxDays: 30 }, 1)).toBe(510);
  expect(places).toEqual([null, { audit: PLACE }, { audit: { ...PLACE, id: 'b' } }]);
});

it('leaves the rest to the next sweep when its time is over, but always makes one call', async () => {
  const { rpc, places } = answering({ ...NOTHING, audit: 500, after: { audit: PLACE } });
  expect(await prune({ rpc, monotonicNow: () => 2, retention: RETENTION, pauseMaxDays: 30 }, 1)).toBe(500);
  expect(places).toHaveLength(1);
});
