/**
 * The main job on real input, with an outage in the middle: prelim and final of every intake in `examples/intakes/`, through
 * the HTTP endpoints as the pipeline calls them, and on to a subscriber with a filter; then sweeps until the webhook path has
 * confirmed all, a replay has arrived and the alert of the outage is over; then the proof. Time between sweeps passes at once. `--keep` leaves everything running to look at, with the time of
 * this machine, and so waits for some minutes; `--store direct` lets the functions reach the database over a pool of connections.
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
