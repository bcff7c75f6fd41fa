import { setTimeout as sleep } from 'node:timers/promises';
import { textOf } from './history/collect.ts';
import { timed } from './history/recorder.ts';
import type { Population } from './population.ts';
import { createRandom } from './random.ts';
import { asOwner } from './roles.ts';
import type { ChaosSystem } from './system.ts';

const PAUSE_MS = 20;

/** A report as its owner reads it. Where the connection breaks, nothing was read. */
export async function readReport(
  { others, history }: ChaosSystem,
  { ownerId, report }: { ownerId: string; report: string },
): Promise<void> {
  const { begin, end, answer } = await timed(() =>
    asOwner(
      others,
      ownerId,
      (other) => other<{ text: string | null; status: string }[]>`
        select research_report as text, research_status as status from public.org_reports where id = ${report}`,
    ),
  );
  if (answer === null) return;
  const [row] = answer;
  const shown = row === undefined ? ('gone' as const) : { text: textOf(row.text), status: row.status };
  history.reads.push({ call: 'read', report, begin, end, answer: shown });
}

/** Owners read their reports, over and over, until it is told to end. */
export function startReaders(
  system: ChaosSystem,
  seed: number,
  { ownerId, kept, doomed }: Population,
): () => Promise<void> {
  const ended = new AbortController();
  const random = createRandom(seed, 'readers');
  const reports = [
    ...kept.map((report) => ({ ownerId, report })),
    ...doomed.flatMap((one) => one.reportIds.map((report) => ({ ownerId: one.ownerId, report }))),
  ];
  async function run(): Promise<void> {
    while (!ended.signal.aborted) {
      await readReport(system, random.pick(reports));
      await sleep(PAUSE_MS, undefined, { signal: ended.signal }).catch(() => undefined);
    }
  }
  const running = run();
  return async () => {
    ended.abort();
    await running;
  };
}
