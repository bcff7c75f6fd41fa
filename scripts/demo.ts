/**
 * The main job on real input as a story: prelim and final of every intake in `examples/intakes/`, through the HTTP endpoints as the
 * pipeline calls them, with an outage, its alert, the recovery, a subscriber and a replay; then the proof. Time between sweeps passes
 * at once. Exit status 1 where something of the story is missing. `--keep` leaves everything running to look at, with the time of this
 * machine, and so waits for some minutes; `--store direct` lets the functions reach the database over a pool of connections.
 */
import { parseArgs } from 'node:util';
import { demo, print } from '../tools/demo/demo.ts';
import { stopSignal } from '../tools/local/until-stopped.ts';

const { values } = parseArgs({
  options: { keep: { type: 'boolean', default: false }, store: { type: 'string', default: 'rest' } },
});
const signal = stopSignal();
try {
  process.exitCode = (await demo(signal, values)) ? 0 : 1;
} catch (error) {
  process.exitCode = signal.aborted ? 130 : 1;
  if (!signal.aborted) print(error instanceof Error ? (error.stack ?? error.message) : String(error));
}
process.exit();
