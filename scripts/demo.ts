/**
 * Plays the main job as a story on real input: the prelim and final of every intake in `examples/intakes/`, through the same
 * HTTP endpoints that the pipeline calls, with an outage, its alert, the recovery, a subscriber and a replay. Then checks the
 * results. The clock skips the time between sweeps. Exit status 1 if a step of the story is missing. `--keep` leaves the
 * system running for inspection and uses the real clock, so the demo waits for some minutes; `--store direct` connects the
 * functions to the database by a connection pool.
 */
import { parseArgs } from 'node:util';
import { demo, print } from '../tools/demo/demo.ts';
import { readStore } from '../tools/local/store-option.ts';
import { stopSignal } from '../tools/local/until-stopped.ts';
import { describeError } from '../tools/local/wrong-use.ts';

const signal = stopSignal();
try {
  const { values } = parseArgs({
    options: { keep: { type: 'boolean', default: false }, store: { type: 'string', default: 'rest' } },
  });
  const { keep } = values;
  process.exitCode = (await demo(signal, { keep, store: readStore(values.store) })) ? 0 : 1;
} catch (error) {
  process.exitCode = signal.aborted ? 130 : 1;
  if (!signal.aborted) print(describeError(error));
}
process.exit();
