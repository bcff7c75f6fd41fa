import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { LOST, timed } from './history/recorder.ts';
import { requestOnce } from './drive.ts';
import type { Population } from './population.ts';
import { createRandom, type Random } from './random.ts';
import { readReport } from './readers.ts';
import { asOwner } from './roles.ts';
import { collectBatches, drawCoding, postBatch, postEvent, type Sent } from './send-events.ts';
import type { ChaosSystem } from './system.ts';
import { writeText } from './write-text.ts';

const AT_ONCE = 3;
const SENDERS = 3;
const EVENTS = 5;
const EACH_SENDS = 10;
/** Events that one sender adds to a batch, at most. */
const BATCH = 4;
const WRITES = 6;
const READS = 40;
const CALL_PAUSE_MS = [20, 250] as const;
const READ_PAUSE_MS = [10, 80] as const;
const DELETED_AFTER_MS = [1_000, 4_000] as const;
/** Of its requests with one key. */
const TRIES = 4;

interface Told {
  event: string;
  job: string;
  stage: 'prelim' | 'final';
  requestedAt: Date;
  text: string;
}

/**
 * What the other jobs of a run leave out: of each of these reports, several senders tell results of their own at once, in any order
 * of their requests, alone, in batches of their own and in batches with other reports' events, again and again, now and then with
 * another text under the same id, or a second result of one job. Its owner and the platform write it meanwhile, two jobs run for it,
 * and every third is deleted. None of the callers repeats a call until it is answered. Their history is all that is asked of them.
 */
export async function startContests(
  system: ChaosSystem,
  seed: number,
  { ownerId, contested }: Population,
  signal: AbortSignal,
): Promise<void> {
  const left = contested.map((report, index) => ({
    report,
    random: createRandom(seed, `contest ${index}`),
    isDeleted: index % 3 === 2,
  }));

  const batches = collectBatches(system, createRandom(seed, 'contested batches'));

  async function contest({ report, random, isDeleted }: (typeof left)[number]): Promise<void> {
    const events = Array.from({ length: EVENTS }, (): Told => ({
      event: `contest_${randomUUID()}`,
      job: `contest_${randomUUID()}`,
      stage: random.pick(['prelim', 'final']),
      requestedAt: new Date(Date.now() - random.whole(1_000, 1_000_000)),
      text: `# contest ${randomUUID()}`,
    }));
    const pause = ([least, most]: readonly [number, number]) =>
      sleep(random.whole(least, most), undefined, { signal });

    async function send(): Promise<void> {
      for (let calls = 0; calls < EACH_SENDS; calls += 1) {
        const draw = (): Sent => ({ ...vary(random, random.pick(events)), report });
        const several = () => Array.from({ length: random.whole(1, BATCH) }, draw);
        const way = random.fraction();
        if (way < 0.5) await postEvent(system, draw(), drawCoding(random));
        else if (way < 0.7) await postBatch(system, several(), drawCoding(random));
        else await Promise.all(several().map((sent) => batches.add(sent)));
        await pause(CALL_PAUSE_MS);
      }
    }
    async function write(): Promise<void> {
      for (let calls = 0; calls < WRITES; calls += 1) {
        await pause(CALL_PAUSE_MS);
        const by = random.pick(['owner', 'platform'] as const);
        const { seen } = await writeText(system.others, {
          by,
          ownerId,
          report,
          text: `${by} ${randomUUID()}`,
        });
        system.history.writes.push(seen);
      }
    }
    async function read(): Promise<void> {
      for (let calls = 0; calls < READS; calls += 1) {
        await readReport(system, { ownerId, report });
        await pause(READ_PAUSE_MS);
      }
    }
    async function request(): Promise<void> {
      const key = randomUUID();
      const stage = random.pick(['prelim', 'final'] as const);
      for (let tries = 0; tries < TRIES; tries += 1) {
        await pause(CALL_PAUSE_MS);
        await requestOnce(system, random, { reportId: report, stage, generate: true, mark: '', key }).catch(
          () => undefined,
        );
      }
    }
    async function remove(): Promise<void> {
      await pause(DELETED_AFTER_MS);
      for (let isGone = false; !isGone;) {
        const { begin, end } = await timed(() =>
          asOwner(
            system.others,
            ownerId,
            (other) => other`delete from public.org_reports where id = ${report}`,
          ),
        );
        isGone = end !== null;
        const answer = end === null ? LOST : ({ end, answer: 'gone' } as const);
        system.history.deletions.push({ call: 'delete', report, begin, ...answer });
      }
    }
    const senders = Array.from({ length: SENDERS }, send);
    await Promise.all([...senders, write(), read(), request(), request(), ...(isDeleted ? [remove()] : [])]);
  }

  async function work(): Promise<void> {
    for (let next = left.shift(); next !== undefined; next = left.shift()) await contest(next);
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

/** Mostly the event itself. */
function vary(random: Random, told: Told): Told {
  const draw = random.fraction();
  if (draw < 0.1) return { ...told, text: `${told.text}, and another text` };
  if (draw < 0.2)
    return { ...told, event: `contest_${randomUUID()}`, text: `${told.text}, and another result` };
  return told;
}
