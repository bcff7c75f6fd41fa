import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { liftLimits } from '../local/lift-limits.ts';
import { patiently } from './patiently.ts';
import { addReports, type Population } from './population.ts';
import type { Random } from './random.ts';
import { drawCoding, postEvent, type Sent } from './send-events.ts';
import { pause, type Happening } from './series.ts';
import type { ChaosSystem } from './system.ts';

const LASTING_MS = [1_000, 3_000] as const;
/** Many more than the limit lets through, and enough to meet it though half of the calls are faulted. */
const EVENTS = 30;
/** So that what a bucket lacks when the limit is lifted is less than the minute for which it would still refuse. */
const PER_MINUTE = 10;
/** For the other troubles, which may meet every try of a minute. */
const ACCEPTED_MS = 150_000;

/**
 * For a moment all senders, or all reports, may send hardly anything. One sends on until it is refused; what was refused has to be
 * accepted later. `faults`: what was not.
 */
export function limitTroubles(
  system: ChaosSystem,
  random: Random,
  { ownerId }: Population,
): { kinds: Record<string, Happening>; faults: string[] } {
  const faults: string[] = [];

  /** Nothing of a refused event is stored, unless its request or its database call was sent twice: one may have been let through. */
  async function requireNoEffect(event: string): Promise<void> {
    const copies = system.received.filter(({ headers }) => headers['webhook-id'] === event);
    if (copies.length > 1 || (system.applyCalls.get(event) ?? 0) > 1) return;
    await patiently(async () => {
      const stored = await system.sql`select from public.report_events where id = ${event}`;
      if (stored.length > 0) faults.push(`${event}: refused by a limit, and stored`);
    });
  }

  async function refusedOf(report: string): Promise<Sent | undefined> {
    for (let count = 0; count < EVENTS; count += 1) {
      const name = `limited_${randomUUID()}`;
      const event: Sent = { event: name, job: name, report, stage: 'prelim', text: `# ${name}` };
      const { answer } = await postEvent(system, event, drawCoding(random));
      if (answer?.status === 429 && answer.text.includes('"code":"rate_limited"')) {
        await requireNoEffect(name);
        return event;
      }
    }
    return undefined;
  }

  const limit =
    (kind: 'sender' | 'report', burst: number): Happening =>
    async (ended) => {
      const [report = ''] = await addReports(system.sql, ownerId, 1, {});
      let refused: Sent | undefined;
      try {
        await system.sql`
          update private.rate_limits set tokens_per_minute = ${PER_MINUTE}, burst = ${burst} where kind = ${kind}`;
        refused = await refusedOf(report);
        await pause(random.whole(...LASTING_MS), ended);
      } finally {
        await patiently(() => liftLimits(system.sql));
      }
      if (refused === undefined) return 0;
      let last = 'no answer';
      for (const since = performance.now(); performance.now() - since < ACCEPTED_MS;) {
        const { answer } = await postEvent(system, refused, drawCoding(random));
        if (answer?.status === 200 && answer.text.includes('"outcome"')) return 1;
        if (answer !== null) last = `${answer.status} ${answer.text.slice(0, 200)}`;
        await sleep(500);
      }
      faults.push(`${refused.event}: refused by a limit of ${kind}s, and never accepted afterwards: ${last}`);
      return 1;
    };
  return {
    kinds: {
      'senders limited for a while': limit('sender', 8),
      'reports limited for a while': limit('report', 2),
    },
    faults,
  };
}
