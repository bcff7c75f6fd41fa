/**
 * Causes the failures of docs/failure-modes.md one by one in its own local system. Checks that the right alert fires within
 * its promised time, names the right subject and resolves, and that no alert fires without the failure. `npm run drill --
 * NAME` runs one drill.
 */
import { parseArgs } from 'node:util';
import { DRILLS } from '../tools/drill/drills.ts';
import { startBed } from '../tools/drill/bed.ts';
import type { Drill } from '../tools/drill/drill.ts';
import { runDrill, type DrillResult } from '../tools/drill/run-drill.ts';
import { createProgress } from '../tools/demo/progress.ts';
import { stopSignal } from '../tools/local/until-stopped.ts';

const { step, print } = createProgress(process.stdout);

/** @throws {Error} if no drill has this name */
function chosen(): readonly Drill[] {
  const { positionals } = parseArgs({ allowPositionals: true });
  const names = DRILLS.map(({ name }) => name);
  const unknown = positionals.filter((name) => !names.includes(name));
  if (unknown.length > 0) {
    throw new Error(`There is no drill ${unknown.join(' or ')}. There are: ${names.join(', ')}.`);
  }
  return positionals.length === 0 ? DRILLS : DRILLS.filter(({ name }) => positionals.includes(name));
}

function report({ name, fault, setting }: Drill, { outcomes, faults }: DrillResult): void {
  const seconds = (value: number | null, what: string) =>
    value === null ? `never ${what}` : `${what} after ${value} s`;
  const silent = faults.some((text) => text.startsWith('without the fault'))
    ? 'NOT silent without it'
    : 'silent without it';
  print(`${faults.length === 0 ? 'ok    ' : 'FAILED'} ${name}: ${fault}${setting ? ` (${setting})` : ''}`);
  for (const { promised, firedAfter, resolvedAfter } of outcomes) {
    print(
      `         ${promised.rule}: ${seconds(firedAfter, 'fired')}, ${seconds(resolvedAfter, 'resolved')}, ${silent}`,
    );
  }
  for (const text of faults) print(`         ${text}`);
}

async function main(signal: AbortSignal): Promise<boolean> {
  const drills = chosen();
  if (process.env['SUPABASE_URL']) {
    throw new Error('Drills break things, so they run only in their own local system: unset SUPABASE_URL.');
  }
  const began = performance.now();
  let failed = 0;
  {
    await using bed = await startBed(step, signal);
    for (const drill of drills) {
      step(`${drill.name}: ${drill.fault}`);
      const result = await runDrill(bed, drill).catch((error: unknown): DrillResult => {
        signal.throwIfAborted();
        return { outcomes: [], faults: [error instanceof Error ? error.message : String(error)] };
      });
      report(drill, result);
      if (result.faults.length > 0) failed += 1;
    }
  }
  print(
    `Took ${Math.round((performance.now() - began) / 1000)} s. Times are by the clock of the drill, which leaps.`,
  );
  print(`${drills.length} drills, ${failed} failed`);
  return failed === 0;
}

const signal = stopSignal();
try {
  process.exitCode = (await main(signal)) ? 0 : 1;
} catch (error) {
  process.exitCode = signal.aborted ? 130 : 1;
  if (!signal.aborted) print(error instanceof Error ? error.message : String(error));
}
process.exit();
