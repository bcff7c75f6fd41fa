import { afterEach, expect, it } from 'vitest';
import { z } from 'zod';
import { isAlive } from '../../../tools/local/processes.ts';
import { startService } from '../../../tools/local/start-service.ts';
import { supervise, type Supervised } from '../../../tools/local/supervise.ts';

const state = z.object({ pid: z.int() });
type State = z.infer<typeof state>;
interface Life {
  endsAfterMs: number | null;
  startMs?: number;
  fails?: boolean;
}

let running: Supervised<State> | undefined;
afterEach(() => running?.kill());

/** Each start is the next of these lives; the last one stays. */
async function start(lives: Life[]) {
  const lines: string[] = [];
  const starts: (State | undefined)[] = [];
  running = await supervise<State>(
    (last) => {
      const life = lives[Math.min(starts.length, lives.length - 1)];
      starts.push(last);
      return startService({
        name: 'a service',
        program: new URL('../../support/ending-service.ts', import.meta.url),
        options: life,
        state,
        onLine: () => undefined,
      });
    },
    { name: 'a service', onLine: (line) => lines.push(line) },
  );
  return { service: running, lines, starts };
}

const patiently = { timeout: 60_000 };

it('starts a service again that ended by itself, and says so', async () => {
  const { service, lines, starts } = await start([{ endsAfterMs: 20 }, { endsAfterMs: null }]);
  const first = service.state();
  await expect.poll(() => service.state().pid, patiently).not.toBe(first.pid);
  expect(lines).toEqual([
    'a service ended unexpectedly: starting again (1 of at most 5 restarts a minute)',
    'a service started again',
  ]);
  // It is given the last state, to use the same port again.
  expect(starts).toEqual([undefined, first]);
  expect(isAlive(service.state().pid)).toBe(true);
}, 120_000);

it('starts a service again that was killed, and one that did not start the first time', async () => {
  const { service, lines } = await start([
    { endsAfterMs: null },
    { endsAfterMs: null, fails: true },
    { endsAfterMs: null },
  ]);
  const { pid } = service.state();
  process.kill(pid, 'SIGKILL');
  await expect.poll(() => service.state().pid, patiently).not.toBe(pid);
  expect(lines).toContain('a service: the port is taken');
  expect(lines.at(-1)).toBe('a service started again');
}, 120_000);

it('gives up, with words, when it ends again and again', async () => {
  const { service, lines, starts } = await start([{ endsAfterMs: 0 }]);
  const { message } = await service.gaveUp;
  expect(message).toBe(
    'Giving up: a service ended 6 times within a minute. See the lines above for the reason.',
  );
  await service.ended;
  expect(starts).toHaveLength(6);
  expect(lines.filter((line) => line.includes('ended unexpectedly'))).toHaveLength(5);
}, 120_000);

it('leaves a service alone that is told to stop', async () => {
  const { service, lines, starts } = await start([{ endsAfterMs: null }]);
  const { pid } = service.state();
  await service.stop();
  await service.ended;
  expect([isAlive(pid), lines, starts.length]).toEqual([false, [], 1]);
}, 120_000);

it('leaves nothing running when it is told to stop while it starts again', async () => {
  const { service, lines, starts } = await start([{ endsAfterMs: 0 }, { endsAfterMs: null, startMs: 1000 }]);
  await expect.poll(() => starts.length, patiently).toBe(2);
  await service.stop();
  await service.ended;
  expect(isAlive(service.pid)).toBe(false);
  expect(starts).toHaveLength(2);
  expect(lines[0]).toContain('ended unexpectedly');
}, 120_000);
