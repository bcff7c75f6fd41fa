import type { BenchResult, Rate } from './result.ts';
import { addReports } from './bed.ts';
import { perCall } from './cpu.ts';
import { emptySamples, measure, type Samples } from './measure.ts';
import { newEvent, postBatch, postEvent } from './sender.ts';
import type { BenchSystem } from './system.ts';

const ROUNDS = 3;
const TEXT_BYTES = 6 * 1024;
const SINGLE_CALLERS = 16;
const BATCH_CALLERS = 4;
/** Enough that concurrent requests never share a report: one would wait for the lock of the other. */
const REPORTS = 1600;
const EVENTS = { single: 480, '10': 800, '100': 1600 };

type Batch = BenchResult['batch'];
type Size = keyof Batch;
type Way = keyof Batch['single'];
const SIZES: readonly Size[] = ['single', '10', '100'];
const WAYS: readonly Way[] = ['rest', 'direct'];

/** Events per second by batch size and store, in turns. The numbers of callers are those with the highest rate on two cores. */
export async function measureBatches(system: BenchSystem, onStep: (step: string) => void): Promise<Batch> {
  const secret = system.ground.secrets.webhookSecret;
  const reports = await addReports(system.ground.sql, REPORTS);
  const results = SIZES.flatMap((size) => WAYS.map((way) => ({ size, way, samples: emptySamples() })));
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const { size, way, samples } of results) {
      onStep(
        `round ${round} of ${ROUNDS}: ${size === 'single' ? 'single events' : `batches of ${size}`}, ${way}`,
      );
      const events = size === 'single' ? 1 : Number(size);
      const call = () => {
        if (size === 'single')
          return postEvent(system[way], secret, newEvent(reports, TEXT_BYTES), 'applied');
        const batch = Array.from({ length: events }, () => newEvent(reports, TEXT_BYTES));
        return postBatch(system[way], secret, batch);
      };
      await measure(
        // The first round warms up.
        round === 0 ? emptySamples() : samples,
        {
          callers: size === 'single' ? SINGLE_CALLERS : BATCH_CALLERS,
          count: EVENTS[size] / events / (round === 0 ? 4 : 1),
          readCpu: system.readCpu,
        },
        call,
      );
    }
  }
  const of = (size: Size, way: Way): Rate => {
    const found = results.find((result) => result.size === size && result.way === way);
    if (!found) throw new Error(`${size} by ${way} was not measured`);
    return rateOf(found.samples, size === 'single' ? 1 : Number(size));
  };
  const both = (size: Size) => ({ rest: of(size, 'rest'), direct: of(size, 'direct') });
  return { single: both('single'), '10': both('10'), '100': both('100') };
}

function rateOf({ latencies, elapsedMs, cpu }: Samples, eventsPerCall: number): Rate {
  const events = latencies.length * eventsPerCall;
  return { perSecond: Math.round((events / elapsedMs) * 1000), cpuMs: perCall(cpu, events) };
}
