import type { BenchResult } from '../../src/contracts/bench.ts';
import type { Bed } from './bed.ts';
import { emptySamples, measure, summarise } from './measure.ts';
import { newEvent, postEvent } from './sender.ts';

const ROUNDS = 4;
const TEXT_6KB = 6 * 1024;
const TEXT_200KB = 200 * 1024;

/** The webhook beside its two floors: in turns, so that whatever else the machine does meets all of them. */
export async function measureThroughput(
  { sql, url, secrets, reports }: Bed,
  onStep: (step: string) => void,
): Promise<Pick<BenchResult, 'floor' | 'direct' | 'webhook'>> {
  const secret = secrets.webhookSecret;
  const known = newEvent(reports, TEXT_6KB);
  await postEvent(url, secret, known, 'applied');
  const subjects: Record<string, { count: number; call: () => Promise<void> }> = {
    floor: {
      count: 150,
      call: async () => {
        const response = await fetch(`${url}/scripts/bench/empty-function`, { method: 'POST' });
        if (!response.ok) throw new Error(`the floor was answered ${response.status}`);
        await response.text();
      },
    },
    direct: {
      count: 150,
      call: async () => {
        const { id, envelope } = newEvent(reports, TEXT_6KB);
        await sql`select public.apply_report_event(${id}, 'webhook', ${JSON.stringify(envelope)}, 'prelim-report')`;
      },
    },
    new6kb: { count: 150, call: () => postEvent(url, secret, newEvent(reports, TEXT_6KB), 'applied') },
    duplicate6kb: { count: 150, call: () => postEvent(url, secret, known, 'duplicate') },
    new200kb: { count: 40, call: () => postEvent(url, secret, newEvent(reports, TEXT_200KB), 'applied') },
  };
  const results = Object.entries(subjects).map(([name, subject]) => ({
    name,
    ...subject,
    c1: emptySamples(),
    c16: emptySamples(),
  }));
  for (const { call } of results) await measure(emptySamples(), { callers: 4, count: 60 }, call);
  for (let round = 1; round <= ROUNDS; round += 1) {
    for (const { name, count, call, c1, c16 } of results) {
      onStep(`round ${round} of ${ROUNDS}: ${name}`);
      await measure(c1, { callers: 1, count }, call);
      await measure(c16, { callers: 16, count: count * 2 }, call);
    }
  }
  const of = (wanted: string) => {
    const found = results.find(({ name }) => name === wanted);
    if (!found) throw new Error(`${wanted} was not measured`);
    return { c1: summarise(found.c1), c16: summarise(found.c16) };
  };
  return {
    floor: of('floor'),
    direct: of('direct'),
    webhook: { new6kb: of('new6kb'), duplicate6kb: of('duplicate6kb'), new200kb: of('new200kb') },
  };
}
