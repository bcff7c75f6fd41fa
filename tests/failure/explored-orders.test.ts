import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeBed, type Bed } from '../../tools/explore/bed.ts';
import { play } from '../../tools/explore/orders.ts';
import { explorePair, neverMet, sharedLocks, type Pair } from '../../tools/explore/pairs.ts';
import { asTest } from '../../tools/explore/print.ts';
import { SAFEGUARDS } from '../../tools/explore/safeguards.ts';
import { makeScene, type Scene } from '../../tools/explore/scene.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

/** Some hundred orders, each with all its checks. */
const TIMEOUT_MS = 120_000;

let database: TestDatabase;
let bed: Bed;
let scene: Scene;
beforeAll(async () => {
  database = await createTestDatabase();
  bed = await makeBed(database.url);
  scene = await makeScene(bed.admin);
  await bed.keep();
});
afterAll(async () => {
  await bed.reset();
  await bed[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});

// The whole is `npm run explore`.
it.each<[...Pair]>([
  ['apply', 'apply'],
  ['complete', 'cancel'],
])('every order of %s and %s ends in a right state', { timeout: TIMEOUT_MS }, async (one, other) => {
  const { orders, blocked, shared, failures, faults } = await explorePair(bed, scene, [one, other]);
  expect(failures.map((failure) => asTest(scene, failure))).toEqual([]);
  expect(faults).toEqual([]);
  expect(orders).toBeGreaterThan(20);
  expect(blocked).toBeGreaterThan(0);
  expect(shared.length).toBeGreaterThan(0);
});

describe('an order goes wrong, and is told as a test,', () => {
  it.each(SAFEGUARDS)('without $name', { timeout: TIMEOUT_MS }, async (safeguard) => {
    const putBack = await bed.remove(safeguard);
    const broken = await explorePair(bed, scene, safeguard.pair, undefined, 1);
    await putBack();
    const [failure] = broken.failures;
    if (failure === undefined) throw new Error('nothing was found');
    expect(asTest(scene, failure)).toContain(`const order = ${JSON.stringify(failure.order)} as const;`);
    // The same order is right with the safeguard.
    expect(await play(bed, scene, failure.order)).toMatchObject({ problems: [] });
  });
});

describe('a pair that locks the same row', () => {
  const forUpdate = new Map([['row', 4]]);
  const forKeyShare = new Map([['row', 1]]);

  it('and never meets is a fault of the explorer', () => {
    const shared = sharedLocks(forUpdate, forKeyShare);
    expect(neverMet(shared, { blocked: 0, evaded: 0 })).toEqual(['they never met, though both lock row']);
    expect(neverMet(shared, { blocked: 1, evaded: 0 })).toEqual([]);
    expect(neverMet(shared, { blocked: 0, evaded: 1 })).toEqual([]);
  });

  it('in ways that do not conflict need not meet', () => {
    expect(sharedLocks(forKeyShare, new Map([['row', 3]]))).toEqual([]);
    expect(sharedLocks(forUpdate, new Map([['another', 4]]))).toEqual([]);
  });
});

it.each([
  [['claim', 'dance'], 'There is no step dance. There are: claim, apply, '],
  [['claim', 'apply', 'batch'], 'Name at most two steps.'],
  [['--break', 'nothing'], '--break takes one of skip-locked, '],
  [['--break', 'fence', 'claim'], '--break takes one of skip-locked, '],
])('the command refuses %s', async (names, message) => {
  const program = fileURLToPath(new URL('../../scripts/explore.ts', import.meta.url));
  const answer = await new Promise<{ code: unknown; stderr: string }>((resolve) => {
    execFile(process.execPath, [program, ...names], (error, _stdout, stderr) => {
      resolve({ code: error?.code, stderr });
    });
  });
  expect(answer.code).toBe(1);
  expect(answer.stderr).toContain(message);
});
