import { z } from 'zod';
import { timestamp } from '../../../src/contracts/timestamp.ts';
import { eventType, reportData } from '../../../src/contracts/webhooks.ts';
import type { Passed } from '../fault-proxy.ts';
import type { Population } from '../population.ts';
import type { ChaosSystem } from '../system.ts';
import { sha256 } from '../../local/sha256.ts';
import type { Call, CallOf } from './call.ts';
import { LOST, now, problemCode } from './recorder.ts';
import { CLOCKS_APART_MS } from './report.ts';

interface JobRow {
  job_id: string;
  key: string | null;
  report_id: string;
  stage: string | null;
  at: number;
  event_id: string | null;
  erased: boolean;
}

interface EventRow {
  id: string;
  report_id: string;
  job_id: string | null;
  at: number;
  channel: string | null;
  effect: 'applied' | 'superseded' | null;
  status: string;
  sha256: string | null;
  erased: boolean;
}

interface ReportRow {
  id: string;
  text: string | null;
  status: string;
}

type Unnumbered<One> = One extends Call ? Omit<One, 'n'> : never;
type NewCall = Unnumbered<Call>;
type Webhook = Unnumbered<CallOf<'webhook'>>;

/**
 * The history of a run: what callers did and heard, what reached the endpoints, and the state of the database in the end. Of what
 * only the functions do among themselves, there is a call without an answer for each effect that it left, which the checker may
 * place where it fits.
 */
export async function collectHistory(system: ChaosSystem, population: Population): Promise<Call[]> {
  const { kept, doomed, contested } = population;
  const reports = [...kept, ...contested, ...doomed.flatMap(({ reportIds }) => reportIds)];
  const { sql, history } = system;
  const begin = now();
  const jobs = await sql<JobRow[]>`
    select job_id, caller_key as key, report_id, stage, event_id, erased_at is not null as erased,
      (extract(epoch from created_at::timestamptz(3)) * 1000)::float8 as at
    from private.job_runs where report_id in ${sql(reports)} order by created_at`;
  const events = await sql<EventRow[]>`
    select event.id, event.report_id, event.job_id, event.channel, event.effect, event.status,
      (extract(epoch from event.requested_at) * 1000)::float8 as at, event.erased_at is not null as erased,
      encode(sha256(convert_to(content.research_report, 'UTF8')), 'hex') as sha256
    from public.report_events event
    left join private.report_contents content on content.event_id = event.id
    where event.report_id in ${sql(reports)} and event.type <> 'report.deleted' order by event.position`;
  const rows = await sql<ReportRow[]>`
    select id, research_report as text, research_status as status from public.org_reports where id in ${sql(reports)}`;
  const end = now();

  const among = new Set(reports);
  const received = system.received.flatMap((passed) => {
    const webhook = webhookOf(passed, among);
    return webhook === null ? [] : [{ webhook, passed }];
  });
  const webhooks = received.map(({ webhook }) => webhook);
  const jobOfKey = jobsByKey(history.requests, jobs);
  const atOfJob = new Map(jobs.map(({ job_id, at }) => [job_id, at]));
  const eventOfJob = new Map(jobs.map(({ job_id, event_id }) => [job_id, event_id]));
  const texts = new Map(webhooks.map(({ event, text }) => [event, text]));
  const requests = history.requests.map(({ key, ...request }): Unnumbered<CallOf<'request'>> => {
    const job = jobOfKey.get(key) ?? `the job of key ${key}`;
    return { ...request, job, at: atOfJob.get(job) ?? null };
  });
  const firstOfJob = firstBegins(requests, ({ job }) => job);
  const firstDeletion = firstBegins(history.deletions, ({ report }) => report);
  const submitted = new Set(history.completions.map(({ job }) => job));

  const unseen = events.flatMap((event): NewCall[] => {
    const { id, report_id: report, job_id: job, status, channel } = event;
    const requested = firstOfJob.get(job ?? '');
    const calls: NewCall[] = [];
    if (requested !== undefined && job !== null && isOwn(id)) {
      const seen = { report, begin: requested, ...LOST };
      const text = event.sha256 ?? texts.get(id) ?? null;
      if (!submitted.has(job)) {
        calls.push({ ...seen, call: 'complete', job, event: id, text, failed: status === 'failed' });
      }
      if (channel === 'direct') calls.push({ ...seen, call: 'direct update', event: id });
    }
    const deleted = firstDeletion.get(report);
    if (event.erased && deleted !== undefined) {
      calls.push({ call: 'erase', report, what: id, begin: deleted, ...LOST });
    }
    return calls;
  });
  for (const { job_id: what, report_id: report, erased } of jobs) {
    const deleted = firstDeletion.get(report);
    if (erased && deleted !== undefined)
      unseen.push({ call: 'erase', report, what, begin: deleted, ...LOST });
  }
  const last = reports.flatMap((report): NewCall[] => {
    const row = rows.find(({ id }) => id === report);
    const effects = events.flatMap(({ id, report_id, channel, at, effect }) =>
      report_id === report && effect !== null ? [{ event: id, by: byOf(channel), at, effect }] : [],
    );
    const shown = row === undefined ? 'gone' : { text: textOf(row.text), status: row.status };
    return [
      { call: 'read', report, begin, end, answer: shown },
      { call: 'list events', report, begin, end, answer: effects },
    ];
  });
  const calls: NewCall[] = [
    ...requests,
    ...history.completions.map((completion) => ({
      ...completion,
      event: eventOfJob.get(completion.job) ?? null,
    })),
    ...history.writes,
    ...history.deletions,
    ...history.reads,
    ...webhooks,
    ...repeated(system, received),
    ...unseen,
    ...last,
  ];
  return calls.toSorted((one, other) => one.begin - other.begin).map((one, n) => ({ n, ...one }));
}

/** No text and an empty one are the same. */
export function textOf(text: string | null): string | null {
  return text === null || text === '' ? null : sha256(text);
}

/** The result of a job of ours: senders name their events themselves. */
function isOwn(eventId: string): boolean {
  return eventId.startsWith('evt_');
}

function byOf(channel: string | null): 'result' | 'owner' | 'platform' {
  return channel === 'owner' || channel === 'platform' ? channel : 'result';
}

function firstBegins<One extends { begin: number }>(
  calls: readonly One[],
  name: (call: One) => string,
): Map<string, number> {
  const first = new Map<string, number>();
  for (const call of calls) first.set(name(call), Math.min(first.get(name(call)) ?? Infinity, call.begin));
  return first;
}

/**
 * The job of each key: as the answers say, else as the database does. A key is erased with its report: a job that no key is left
 * of is that of the first key that nobody was answered and that may have made it: for its report and stage, and not after it.
 */
export function jobsByKey(
  requests: readonly Pick<
    ChaosSystem['history']['requests'][number],
    'key' | 'report' | 'stage' | 'begin' | 'answer'
  >[],
  jobs: readonly Pick<JobRow, 'job_id' | 'key' | 'report_id' | 'stage' | 'at'>[],
): Map<string, string> {
  const found = new Map(jobs.flatMap(({ key, job_id }) => (key === null ? [] : [[key, job_id] as const])));
  const ids = new Set(jobs.map(({ job_id }) => job_id));
  for (const { key, answer } of requests) {
    if (answer !== null && ids.has(answer) && !found.has(key)) found.set(key, answer);
  }
  const taken = new Set(found.values());
  const unanswered = Map.groupBy(requests, ({ report }) => report);
  for (const job of jobs) {
    if (taken.has(job.job_id)) continue;
    const request = unanswered
      .get(job.report_id)
      ?.find(
        ({ key, stage, begin }) =>
          !found.has(key) && stage === job.stage && begin <= job.at + CLOCKS_APART_MS,
      );
    if (request !== undefined) found.set(request.key, job.job_id);
  }
  return found;
}

const body = z.object({ type: eventType, timestamp, data: reportData });
const OUTCOMES = ['applied', 'duplicate', 'superseded'] as const;
const REFUSALS = [
  'event_conflict',
  'job_conflict',
  'report_not_found',
  'job_not_found',
  'job_mismatch',
  'job_cancelled',
  'requested_in_future',
] as const;

function webhookOf(passed: Passed, reports: ReadonlySet<string>): Webhook | null {
  const text = passed.body.toString();
  // Hostile bodies are for other reports, and dear to parse.
  const [, named] = /"report_id":"([^"]+)"/.exec(text) ?? [];
  if (named === undefined || !reports.has(named)) return null;
  const { type, timestamp: at, data } = body.parse(JSON.parse(text));
  const answer = outcomeOf(passed);
  const event = String(passed.headers['webhook-id']);
  return {
    call: 'webhook',
    report: data.report_id,
    begin: passed.begin,
    ...(answer === null ? LOST : { end: passed.end, answer }),
    event,
    job: data.job_id,
    stage: type.startsWith('report.final') ? 'final' : 'prelim',
    at: Date.parse(data.requested_at ?? at),
    text: textOf(data.research_report ?? null),
    failed: data.research_status === 'failed',
    own: isOwn(event),
  };
}

function outcomeOf({ status, answer }: Passed): Webhook['answer'] {
  const text = answer?.toString();
  if (status !== 200) return problemCode(text, REFUSALS);
  return OUTCOMES.find((outcome) => text?.includes(`"outcome":"${outcome}"`)) ?? null;
}

/**
 * The network or the store may have made one request's call of the database twice, and the request was then answered what the second
 * found: the first is one more call, without an answer.
 */
function repeated(
  { applications }: ChaosSystem,
  received: readonly { webhook: Webhook; passed: Passed }[],
): Webhook[] {
  const sent = new Map(
    received.map(({ webhook, passed }) => [`${webhook.event} ${sha256(passed.body)}`, webhook]),
  );
  const byRequest = Map.groupBy(applications, (one) => `${one.event} ${one.bodySha256} ${one.request}`);
  return [...byRequest.values()].flatMap((same) => {
    const [first] = same;
    const webhook = first && sent.get(`${first.event} ${first.bodySha256}`);
    if (webhook === undefined || same.length === 1) return [];
    return [{ ...webhook, begin: Math.min(...same.map(({ at }) => at)), ...LOST }];
  });
}
