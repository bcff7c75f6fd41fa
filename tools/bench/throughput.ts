import type { BenchResult, Callers } from './result.ts';
import { emptySamples, measure, summarise } from './measure.ts';
import { newEvent, postEvent } from './sender.ts';
import type { BenchSystem } from './system.ts';

const ROUNDS = 4;
const TEXT_6KB = 6 * 1024;
const TEXT_200KB = 200 * 1024;
const COUNT = 150;
/** Calls with large texts: fewer, since each takes longer. */
const FEW = 40;
const WARM = 60;

type Throughput = Pick<
  BenchResult,
  'bare' | 'floor' | 'floorDirect' | 'direct' | 'webhook' | 'webhookDirect' | 'lite'
>;

interface Subject {
  name: string;
  count: number;
  call: () => Promise<void>;
}

/** Measures the webhook and its baselines in turns, so that other work on the machine affects all of them alike. */
export async function measureThroughput(
  system: BenchSystem,
  onStep: (step: string) => void,
): Promise<Throughput> {
  const results = (await subjectsOf(system)).map((subject) => ({
    ...subject,
    c1: emptySamples(),
    c16: emptySamples(),
  }));
  for (const { call } of results) await measure(emptySamples(), { callers: 4, count: WARM }, call);
  const { readCpu } = system;
  for (let round = 1; round <= ROUNDS; round += 1) {
    for (const { name, count, call, c1, c16 } of results) {
      onStep(`round ${round} of ${ROUNDS}: ${name}`);
      await measure(c1, { callers: 1, count, readCpu }, call);
      await measure(c16, { callers: 16, count: count * 2, readCpu }, call);
    }
  }
  const of = (wanted: string): Callers => {
    const found = results.find(({ name }) => name === wanted);
    if (!found) throw new Error(`${wanted} was not measured`);
    return { c1: summarise(found.c1), c16: summarise(found.c16) };
  };
  const webhookBy = (way: string) => ({
    new6kb: of(`${way}, new, 6 KB`),
    duplicate6kb: of(`${way}, duplicate, 6 KB`),
    new200kb: of(`${way}, new, 200 KB`),
  });
  return {
    bare: of('bare'),
    floor: of('floor, REST'),
    floorDirect: of('floor, direct'),
    direct: of('SQL alone'),
    webhook: webhookBy('REST'),
    webhookDirect: webhookBy('direct'),
    lite: { floor: of('floor, lite'), new6kb: of('lite, new, 6 KB') },
  };
}

async function subjectsOf({ ground, rest, lite, direct, reports }: BenchSystem): Promise<Subject[]> {
  const { sql, secrets } = ground;
  const secret = secrets.webhookSecret;
  const post = (url: string, bytes: number) => () =>
    postEvent(url, secret, newEvent(reports, bytes), 'applied');
  const known = newEvent(reports, TEXT_6KB);
  await postEvent(rest, secret, known, 'applied');
  const webhook = (way: string, url: string): Subject[] => [
    { name: `${way}, new, 6 KB`, count: COUNT, call: post(url, TEXT_6KB) },
    {
      name: `${way}, duplicate, 6 KB`,
      count: COUNT,
      call: () => postEvent(url, secret, known, 'duplicate'),
    },
    { name: `${way}, new, 200 KB`, count: FEW, call: post(url, TEXT_200KB) },
  ];
  return [
    { name: 'bare', count: COUNT, call: () => callEmpty(`${rest}/tools/bench/bare-function`) },
    { name: 'floor, REST', count: COUNT, call: () => callEmpty(`${rest}/tools/bench/empty-function`) },
    { name: 'floor, lite', count: COUNT, call: () => callEmpty(`${lite}/tools/bench/empty-function`) },
    { name: 'floor, direct', count: COUNT, call: () => callEmpty(`${direct}/tools/bench/empty-function`) },
    {
      name: 'SQL alone',
      count: COUNT,
      async call() {
        const { id, envelope } = newEvent(reports, TEXT_6KB);
        await sql`select public.apply_report_event(${id}, 'webhook', ${JSON.stringify(envelope)}, 'prelim-report')`;
      },
    },
    ...webhook('REST', rest),
    { name: 'lite, new, 6 KB', count: COUNT, call: post(lite, TEXT_6KB) },
    ...webhook('direct', direct),
  ];
}

async function callEmpty(url: string): Promise<void> {
  const response = await fetch(url, { method: 'POST' });
  const text = await response.text();
  if (!response.ok) throw new Error(`a floor was answered ${response.status}: ${text}`);
}
