import type postgres from 'postgres';
import type { AlertEvent } from '../../src/contracts/alerts.ts';
import type { Stage } from '../../src/contracts/webhooks.ts';
import type { AlertReceiver } from '../local/alert-receiver.ts';
import type { LocalSystem } from '../local/local-system.ts';
import { callSweep } from '../local/sweeper.ts';
import type { OutageProxy } from './outage-proxy.ts';
import { runJob, type DemoJob, type DemoReport } from './pipeline.ts';
import type { DemoSubscriber } from './subscriber.ts';

const CONCURRENCY = 4;
/** Enough for several slots of the schedule, and for an alert to fire or resolve. */
const SWEEP_FOR_SECONDS = 600;
const BETWEEN_SWEEPS_SECONDS = 20;

interface Scene {
  system: LocalSystem;
  sql: postgres.Sql;
  reports: readonly DemoReport[];
  proxy: OutageProxy;
  receiver: AlertReceiver;
  subscribe: () => Promise<DemoSubscriber>;
  /** Milliseconds since the epoch, by the system's clock. */
  now: () => number;
  /** Lets time pass. Throws if the demo is interrupted. */
  pass: (seconds: number) => Promise<void>;
  signal: AbortSignal;
  step: (text: string) => void;
  print: (text: string) => void;
}

interface Told {
  jobs: DemoJob[];
  /** Expectations that were not met; empty: the story went as it should. */
  missing: string[];
}

/** Plays and prints the chapters: jobs, an outage, its alert, the recovery, a subscriber and a replay. */
export async function tellStory(scene: Scene): Promise<Told> {
  const { sql, reports, proxy, receiver, print, step, now } = scene;
  const missing: string[] = [];
  const expect = (isSeen: boolean, what: string) => {
    if (!isSeen) missing.push(what);
  };
  const chapter = (title: string, ...lines: string[]) => {
    print([`\n${title}`, ...lines.map((line) => `  ${line}`)].join('\n'));
  };
  const half = Math.ceil(reports.length / 2);

  const early = await runStage(scene, 'prelims', reports.slice(0, half), 'prelim');
  const [first] = early;
  const effects = await effectsOf(sql, early);
  const own = effects.find(({ job_id }) => job_id === first?.jobId);
  chapter(
    '1. Jobs',
    `${reports.length} reports of ${new Set(reports.map(({ intake }) => intake.report_type)).size} types wait. The pipeline requests a prelim for ${early.length} of them.`,
    `${countOf(effects, 'webhook')} results arrived by signed webhooks and are in their reports.`,
    `The first: ${first?.jobId ?? 'none'}, event ${own?.event_id ?? 'none'}, after ${seconds(first?.tookMs ?? 0)}.`,
  );
  expect(countOf(effects, 'webhook') === early.length, 'a result of the first prelims came by webhook');

  proxy.setDown(true);
  const outageBegan = now();
  const during = await runStage(scene, 'prelims during the outage', reports.slice(half), 'prelim');
  const stored = countOf(await effectsOf(sql, during), 'direct');
  const waiting = await countOpen(sql);
  chapter(
    '2. An outage',
    `The webhook endpoints reset every connection. The pipeline requests ${during.length} more prelims.`,
    `${stored} results are in their reports, written directly. ${waiting} deliveries wait until the webhook confirms them.`,
  );
  expect(stored === during.length, 'a result during the outage was written directly');
  expect(waiting > 0, 'a delivery waits');

  step('sweeping until an alert fires');
  await sweepUntil(scene, () => alertOf(receiver, 'alert.firing') !== undefined);
  const firing = alertOf(receiver, 'alert.firing');
  chapter(
    '3. An alert',
    firing === undefined
      ? 'No alert fired.'
      : `Signed and received ${Math.round((Date.parse(firing.timestamp) - outageBegan) / 1000)} s after the outage began: ${firing.data.title}, ${firing.data.subject}.`,
    ...(firing === undefined ? [] : [firing.data.summary, firing.data.meaning]),
  );
  expect(firing !== undefined, 'an alert fired');

  proxy.setDown(false);
  const sweeps = await sweepUntil(scene, async () => {
    const open = await countOpen(sql);
    step(`sweeping: ${open} deliveries wait to be confirmed`);
    return open === 0;
  });
  const left = await countOpen(sql);
  step('sweeping until the alert is resolved');
  await sweepUntil(scene, () => alertOf(receiver, 'alert.resolved') !== undefined);
  const resolved = alertOf(receiver, 'alert.resolved')?.data;
  const duplicates = await countDuplicates(sql, during);
  chapter(
    '4. Recovery',
    `The endpoints answer again. ${sweeps} ${sweeps === 1 ? 'sweep delivers' : 'sweeps deliver'} ${waiting - left} of the ${waiting} that wait.`,
    `The webhook answers ${duplicates} of them with "duplicate": their results are stored already, and stay as they are.`,
    resolved === undefined
      ? 'The alert is not resolved.'
      : `The alert is resolved: ${resolved.title}, ${resolved.subject}. ${resolved.lost ?? ''}`,
  );
  expect(left === 0, 'the webhook confirmed what waited');
  expect(duplicates === during.length, 'the webhook knew each result that was written directly');
  expect(resolved !== undefined, 'the alert was resolved');

  step('subscribing another system');
  const subscriber = await scene.subscribe();
  const finals = await runStage(scene, 'finals', reports, 'final');
  await sweepUntil(scene, async () => (await countOpen(sql)) === 0);
  const faults = subscriber.faults(finals);
  const live = subscriber.arrivals.filter(({ replay }) => replay === undefined);
  const leftOut = await leftOutOf(sql, finals, subscriber);
  chapter(
    '5. A subscriber',
    `${subscriber.id} passes the ${subscriber.probes} probes of its check. Its filter wants no greetings. Then ${finals.length} finals are written.`,
    `${live.length} events arrived, ${faults.length === 0 ? 'each once, ' : ''}signed (checked with standardwebhooks). ${leftOut.length} were left out:`,
    leftOut[0] === undefined ? 'none' : `${leftOut[0]}: ${await subscriber.explain(leftOut[0])}`,
  );
  missing.push(...faults);
  expect(live.length > 0, 'an event arrived at the subscriber');
  expect(live.length + leftOut.length === finals.length, 'each final arrived or was left out');

  const { plan, preview } = await subscriber.replay();
  const again = () => subscriber.arrivals.filter(({ replay }) => replay === plan);
  step('sweeping until the replay arrives');
  await sweepUntil(scene, () => again().length >= preview.deliveries);
  chapter(
    '6. A replay',
    `Plan ${plan} sends the subscriber the prelims from before it subscribed: ${preview.deliveries} events, ${Math.round(preview.bytes / 1024)} KB, ${preview.confirmed} confirmed already.`,
    `${again().length} of ${preview.deliveries} arrived, each marked as replay ${plan} and with its position in its report.`,
  );
  const wanted = [...early, ...during].filter(({ report }) => report.intake.report_type !== 'greeting');
  const replayed = new Set(again().map(({ jobId }) => jobId));
  expect(
    again().length === wanted.length && wanted.every(({ jobId }) => replayed.has(jobId)),
    'the replay brought each prelim that the filter admits, once',
  );
  return { jobs: [...early, ...during, ...finals], missing };
}

/** Runs one stage of these reports, a few at a time. */
async function runStage(
  { system, signal, step }: Scene,
  title: string,
  reports: readonly DemoReport[],
  stage: Stage,
): Promise<DemoJob[]> {
  signal.throwIfAborted();
  const waiting = [...reports];
  const jobs: DemoJob[] = [];
  async function work(): Promise<void> {
    for (let report = waiting.shift(); report !== undefined; report = waiting.shift()) {
      jobs.push(await runJob(system, report, stage));
      step(`${title}: ${jobs.length} of ${reports.length}`);
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  return jobs;
}

/** Sweeps until the condition holds or the time is up (the caller then finds what is missing). Returns the number of sweeps. */
async function sweepUntil(
  { system: { dev }, pass }: Scene,
  isDone: () => Promise<boolean> | boolean,
): Promise<number> {
  let sweeps = 0;
  for (let passed = 0; passed < SWEEP_FOR_SECONDS; passed += BETWEEN_SWEEPS_SECONDS) {
    await callSweep(dev.url, dev.cronSecret);
    sweeps += 1;
    if (await isDone()) return sweeps;
    await pass(BETWEEN_SWEEPS_SECONDS);
  }
  return sweeps;
}

interface Effect {
  job_id: string;
  event_id: string;
  channel: string;
}

/** The events of these jobs that were applied. */
async function effectsOf(sql: postgres.Sql, jobs: readonly DemoJob[]): Promise<Effect[]> {
  return sql<Effect[]>`
    select job_id, id as event_id, channel from public.report_events
    where job_id = any (${jobs.map(({ jobId }) => jobId)}) and effect = 'applied'`;
}

function countOf(effects: readonly Effect[], wanted: 'webhook' | 'direct'): number {
  return effects.filter(({ channel }) => channel === wanted).length;
}

/** Number of deliveries that are neither confirmed nor dead. */
async function countOpen(sql: postgres.Sql): Promise<number> {
  const [open] = await sql<{ count: number }[]>`
    select count(*)::int as count from public.webhook_deliveries where status <> 'success' and dead_at is null`;
  return open?.count ?? 0;
}

/** Number of these jobs' results that a webhook delivered after they had already been stored. */
async function countDuplicates(sql: postgres.Sql, jobs: readonly DemoJob[]): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    select count(*)::int as count from public.webhook_audit
    where direction = 'in' and outcome = 'duplicate' and event_id in (
      select id from public.report_events where job_id = any (${jobs.map(({ jobId }) => jobId)}))`;
  return row?.count ?? 0;
}

/** Events of these jobs for which the subscriber has no delivery. */
async function leftOutOf(
  sql: postgres.Sql,
  jobs: readonly DemoJob[],
  { id }: DemoSubscriber,
): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select id from public.report_events event
    where job_id = any (${jobs.map(({ jobId }) => jobId)})
      and not exists (
        select from public.webhook_deliveries where event_id = event.id and endpoint_id = ${id})
    order by id`;
  return rows.map((row) => row.id);
}

/** The outage's alert event of this type, if it has arrived. */
function alertOf({ events }: AlertReceiver, type: AlertEvent['type']): AlertEvent | undefined {
  return events.find((event) => event.type === type && event.data.rule === 'success_rate');
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
