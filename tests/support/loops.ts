import { setTimeout as sleep } from 'node:timers/promises';
import type postgres from 'postgres';

/** Performs one unit of work; yields after each call. */
export type Work = (round: number) => AsyncGenerator<void, void>;

interface Loop {
  calls: number;
  rounds: number;
  done: Promise<void>;
}

export interface Loops {
  /** Until each loop has had an answer since now, or waits for a lock. */
  moveOrWait(): Promise<void>;
  /** Until each loop has begun and ended a whole piece of work since now. */
  workOnce(): Promise<void>;
  /** Lets each end the piece that it is at. @throws what a loop has failed with */
  end(): Promise<void>;
}

/** Should nobody end them. */
const MOST_ROUNDS = 2_000;
const PATIENCE_MS = 20_000;

/** Runs each work again and again, beside the others. `sql`: the database that they call, as somebody else. */
export function startLoops(sql: postgres.Sql, works: readonly Work[]): Loops {
  let isEnding = false;
  let failure: { error: unknown } | undefined;

  async function repeat(loop: Omit<Loop, 'done'>, work: Work): Promise<void> {
    try {
      while (!isEnding && loop.rounds < MOST_ROUNDS) {
        const calls = work(loop.rounds);
        let isDone;
        do {
          isDone = (await calls.next()).done;
          loop.calls++;
        } while (isDone !== true);
        loop.rounds++;
      }
    } catch (error) {
      failure ??= { error };
      isEnding = true;
    }
  }
  const loops = works.map((work): Loop => {
    const loop = { calls: 0, rounds: 0 };
    return Object.assign(loop, { done: repeat(loop, work) });
  });

  async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    while (!(await holds())) {
      if (failure !== undefined) throw failure.error;
      if (Date.now() > deadline) throw new Error(`loops that did not ${what} in ${PATIENCE_MS} ms`);
      await sleep(2);
    }
    if (failure !== undefined) throw failure.error;
  }

  return {
    async moveOrWait() {
      const before = loops.map(({ calls }) => calls);
      await until('move, nor wait for a lock', async () => {
        const still = loops.filter(({ calls }, index) => calls === before[index]).length;
        return still === 0 || still <= (await waiting(sql));
      });
    },
    async workOnce() {
      // The piece that one is at began before.
      const before = loops.map(({ rounds }) => rounds);
      await until('end a piece of work', () =>
        loops.every(({ rounds }, index) => rounds >= (before[index] ?? 0) + 2),
      );
    },
    async end() {
      isEnding = true;
      await Promise.all(loops.map(({ done }) => done));
      if (failure !== undefined) throw failure.error;
    },
  };
}

async function waiting(sql: postgres.Sql): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    select count(*)::int from pg_stat_activity
    where datname = current_database() and usename = 'authenticator' and wait_event_type = 'Lock'`;
  return row?.count ?? 0;
}
