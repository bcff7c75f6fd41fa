import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ANSWERED = ': answered #';

/** Files in which the functions' processes write their steps (crash-points.ts), and read the step at which to die. */
export async function createCrashBed() {
  const directory = await mkdtemp(join(tmpdir(), 'polaris-crash-'));
  let life = '';
  const noteOfLife = (what: 'steps' | 'killed') => join(directory, `${life}.${what}`);
  return {
    env: { POLARIS_CRASH_POINTS: directory },
    preload: new URL('./crash-points.ts', import.meta.url),

    /** Begins another life and names the step of it to die at; an empty name: none. */
    async plan(step: string): Promise<void> {
      life = randomUUID();
      await writeFile(noteOfLife('steps'), '');
      await writeFile(noteOfLife('killed'), '');
      await writeFile(join(directory, 'next-plan'), JSON.stringify({ life, step }));
      await rename(join(directory, 'next-plan'), join(directory, 'plan'));
    },

    /** The steps that were taken, each with its number among its likes, as the plan names them. */
    async stepsTaken(): Promise<string[]> {
      const lines = (await readFile(noteOfLife('steps'), 'utf8')).split('\n').filter((line) => line !== '');
      const counts = new Map<string, number>();
      return lines.map((line) => {
        const nth = (counts.get(line) ?? 0) + 1;
        counts.set(line, nth);
        return `${line} #${nth}`;
      });
    },

    /**
     * Those of the chosen steps at which a death leaves something else behind than at the next one. After the answer to a call, a
     * process sends nothing until its next call or its own answer: so it is killed at that next call only.
     */
    async deaths(isChosen: (step: string) => boolean): Promise<string[]> {
      const steps = await this.stepsTaken();
      const processOf = (step: string) => step.slice(0, step.indexOf(': '));
      const isBefore = (step: string) => step.includes(': before ');
      return steps.filter((step, index) => {
        if (!isChosen(step) || step.includes(ANSWERED)) return false;
        const next = steps.slice(index + 1).find((later) => processOf(later) === processOf(step));
        return isBefore(step) || next === undefined || !isBefore(next) || !isChosen(next);
      });
    },

    wasKilled: async () => (await readFile(noteOfLife('killed'), 'utf8')) !== '',

    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}
