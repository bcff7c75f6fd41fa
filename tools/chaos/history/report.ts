import type { Call, CallOf, FinalEvent } from './call.ts';

/**
 * A report as its callers may think of it: what it is, and what one call after another makes of it and answers. It follows
 * docs/contract.md and docs/invariants.md, not the SQL. That is all that the checker knows.
 */
export interface Report {
  isDeleted: boolean;
  jobs: ReadonlyMap<string, Job>;
  events: ReadonlyMap<string, Event>;
  /** The event whose text the report shows. */
  winner: string | null;
  /** How many events have had their effect. */
  effects: number;
  /** Writes that have happened, by their number. */
  writes: ReadonlySet<number>;
}

interface Job {
  stage: Stage;
  at: number;
  /** Then nothing tells which key asked for it. */
  isErased: boolean;
}

type Stage = 'prelim' | 'final';

interface Event {
  id: string;
  by: FinalEvent['by'];
  job: string | null;
  stage: Stage;
  at: number;
  text: string | null;
  failed: boolean;
  effect: FinalEvent['effect'] | null;
  isErased: boolean;
}

export const NEW_REPORT: Report = {
  isDeleted: false,
  jobs: new Map(),
  events: new Map(),
  winner: null,
  effects: 0,
  writes: new Set(),
};

/** What a call answers, and what the report is then. */
export interface Step {
  answer: string | Shown | FinalEvent[];
  next: Report;
}

/** Of a job that has not finished, the status may be either. */
interface Shown {
  text: string | null;
  isTextKnown: boolean;
  statuses: readonly string[];
}

/**
 * What a call does to a report that is in this state; null: it cannot happen now. `order`: the effects in the order in which the
 * database numbered them, where the history says so; effects in any other order are no explanation.
 */
export function perform(report: Report, call: Call, order: readonly FinalEvent[] | null): Step | null {
  switch (call.call) {
    case 'request':
      return request(report, call);
    case 'complete':
      return complete(report, call);
    case 'webhook':
      return webhook(report, call, order);
    case 'direct update': {
      const event = report.events.get(call.event);
      const changes = !report.isDeleted && event !== undefined && event.effect === null;
      return changes ? takeEffect(report, event, order) : { answer: 'duplicate', next: report };
    }
    case 'write':
      return write(report, call, order);
    case 'delete':
      return { answer: 'gone', next: report.isDeleted ? report : { ...report, isDeleted: true } };
    case 'erase':
      return { answer: 'erased', next: report.isDeleted ? erased(report, call.what) : report };
    case 'read':
      return { answer: report.isDeleted ? 'gone' : shown(report), next: report };
    case 'list events':
      return { answer: effectsOf(report), next: report };
  }
}

/** Between the clocks of driver and database, which are on one machine, and for their rounding. */
export const CLOCKS_APART_MS = 50;

function request(report: Report, { job, stage, at, begin, end }: CallOf<'request'>): Step | null {
  if (report.jobs.get(job)?.isErased === false) return { answer: job, next: report };
  if (report.isDeleted) return { answer: 'report_not_found', next: report };
  if (stage === 'prelim' && stageOf(report) === 'final') return { answer: 'final_exists', next: report };
  // The database knows no such job, or made it at another time: then another request did.
  if (at === null || at < begin - CLOCKS_APART_MS || at > (end ?? Infinity) + CLOCKS_APART_MS) return null;
  return {
    answer: job,
    next: { ...report, jobs: new Map(report.jobs).set(job, { stage, at, isErased: false }) },
  };
}

function complete(report: Report, { job: jobId, event: id, text, failed }: CallOf<'complete'>): Step | null {
  const job = report.jobs.get(jobId);
  if (job === undefined) return null;
  if (report.isDeleted) return { answer: 'report_not_found', next: report };
  const present = eventOfJob(report, jobId);
  if (present !== undefined) {
    return {
      answer: isSame(present, { stage: job.stage, job: jobId, text, failed }) ? 'accepted' : 'job_conflict',
      next: report,
    };
  }
  if (id === null) return null;
  const event: Event = {
    stage: job.stage,
    at: job.at,
    id,
    by: 'result',
    job: jobId,
    text,
    failed,
    effect: null,
    isErased: false,
  };
  return { answer: 'accepted', next: withEvent(report, event) };
}

function webhook(report: Report, call: CallOf<'webhook'>, order: readonly FinalEvent[] | null): Step | null {
  const known = report.events.get(call.event) ?? eventOfJob(report, call.job);
  if (known?.isErased) return { answer: 'duplicate', next: report };
  if (known !== undefined && !isSame(known, call)) {
    return { answer: known.id === call.event ? 'event_conflict' : 'job_conflict', next: report };
  }
  if (report.isDeleted) return { answer: 'report_not_found', next: report };
  if (known?.effect) return { answer: 'duplicate', next: report };
  if (known !== undefined) return takeEffect(report, known, order);
  if (call.own) return null;
  const event: Event = {
    id: call.event,
    by: 'result',
    job: call.job,
    stage: call.stage,
    at: report.jobs.get(call.job)?.at ?? call.at,
    text: call.text,
    failed: call.failed,
    effect: null,
    isErased: false,
  };
  return takeEffect(report, event, order);
}

/** Another text by hand is as new as the moment, and at the stage that the report has: it wins. */
function write(
  report: Report,
  { n, by, text, begin }: CallOf<'write'>,
  order: readonly FinalEvent[] | null,
): Step | null {
  if (report.writes.has(n)) return { answer: 'written', next: report };
  if (report.isDeleted) return { answer: 'gone', next: report };
  const listed = order?.[report.effects];
  if (order !== null && (listed?.by !== by || listed.at < begin - CLOCKS_APART_MS)) return null;
  const winner = winnerOf(report);
  const event: Event = {
    id: listed?.event ?? `write ${n}`,
    by,
    job: null,
    stage: winner?.stage ?? 'prelim',
    at: listed?.at ?? Math.max(begin, (winner?.at ?? 0) + 1),
    text,
    failed: false,
    effect: null,
    isErased: false,
  };
  const step = takeEffect({ ...report, writes: new Set(report.writes).add(n) }, event, order);
  return step && { ...step, answer: 'written' };
}

function takeEffect(report: Report, event: Event, order: readonly FinalEvent[] | null): Step | null {
  if (order !== null && order[report.effects]?.event !== event.id) return null;
  const isApplied = event.failed ? !isAnythingNewer(report, event) : outranks(event, winnerOf(report));
  const effect = isApplied ? 'applied' : 'superseded';
  const next = withEvent(report, { ...event, effect });
  const winner = isApplied && !event.failed ? event.id : report.winner;
  return { answer: effect, next: { ...next, winner, effects: report.effects + 1 } };
}

/** Stage, then the time of the request, then the id. */
function outranks(one: Event, other: Event | undefined): boolean {
  if (other === undefined) return true;
  if (one.stage !== other.stage) return one.stage === 'final';
  return isNewer(one, other);
}

function isNewer(one: { at: number; id: string }, other: { at: number; id: string }): boolean {
  return one.at === other.at ? one.id > other.id : one.at > other.at;
}

/** A failure tells something only while nothing newer was asked for. */
function isAnythingNewer(report: Report, failure: Event): boolean {
  const events = [...report.events.values()].filter(({ effect }) => effect !== null);
  const jobs = [...report.jobs].filter(([id]) => id !== failure.job).map(([, job]) => job);
  return [...events, ...jobs].some(({ at }) => at > failure.at);
}

/** The text of the winner, and the status of what was requested last. */
function shown(report: Report): Shown {
  const winner = winnerOf(report);
  const events = [...report.events.values()];
  const requests = [
    ...[...report.jobs].map(([job, { at }]) => {
      const event = eventOfJob(report, job);
      return { at, id: event?.id ?? job, statuses: statusesOf(event) };
    }),
    ...events
      .filter(
        ({ by, job, effect }) => effect !== null && by !== 'owner' && !(job !== null && report.jobs.has(job)),
      )
      .map((event) => ({ ...event, statuses: statusesOf(event) })),
  ];
  const newest = requests.reduce<(typeof requests)[number] | undefined>(
    (best, one) => (best === undefined || isNewer(one, best) ? one : best),
    undefined,
  );
  // An edit is no request: its report is complete where nobody has requested anything.
  const statuses = newest?.statuses ?? [winner === undefined ? 'pending' : 'completed'];
  return { text: winner?.text ?? null, isTextKnown: winner === undefined || winner.text !== null, statuses };
}

function statusesOf(event: Event | undefined): string[] {
  if (event === undefined) return ['pending', 'running'];
  if (event.effect === null) return ['running'];
  return [event.failed ? 'failed' : 'completed'];
}

function effectsOf(report: Report): FinalEvent[] {
  return [...report.events.values()].flatMap(({ id, by, at, effect }) =>
    effect === null ? [] : [{ event: id, by, at, effect }],
  );
}

function stageOf(report: Report): Stage | undefined {
  return winnerOf(report)?.stage;
}

function winnerOf(report: Report): Event | undefined {
  return report.winner === null ? undefined : report.events.get(report.winner);
}

/** A job has one result. */
function eventOfJob(report: Report, job: string): Event | undefined {
  for (const event of report.events.values()) if (event.job === job) return event;
  return undefined;
}

/** What makes two tellings of a result the same: not its times. */
type Content = Pick<Event, 'job' | 'stage' | 'text' | 'failed'>;

function isSame(one: Content, other: Content): boolean {
  const isSameText = one.text === null || other.text === null || one.text === other.text;
  return one.job === other.job && one.stage === other.stage && one.failed === other.failed && isSameText;
}

function erased(report: Report, what: string): Report {
  const event = report.events.get(what);
  if (event?.isErased === false) return withEvent(report, { ...event, isErased: true });
  const job = report.jobs.get(what);
  if (job?.isErased !== false) return report;
  return { ...report, jobs: new Map(report.jobs).set(what, { ...job, isErased: true }) };
}

function withEvent(report: Report, event: Event): Report {
  return { ...report, events: new Map(report.events).set(event.id, event) };
}

/** Whether the call was answered as this step would answer it. */
export function isAnsweredBy(call: Call, { answer: expected }: Step): boolean {
  const { answer } = call;
  if (answer === null || typeof answer === 'string' || typeof expected === 'string')
    return answer === expected;
  if ('statuses' in expected) {
    if (!('status' in answer)) return false;
    return (
      (!expected.isTextKnown || answer.text === expected.text) && expected.statuses.includes(answer.status)
    );
  }
  if (!Array.isArray(answer)) return false;
  const told = new Map(expected.map((event) => [event.event, event]));
  return (
    answer.length === expected.length &&
    answer.every(({ event, by, at, effect }) => {
      const own = told.get(event);
      return own?.by === by && own.effect === effect && own.at === at;
    })
  );
}

/** The same text for the same state. The order of effects is left out: only their number and outcome decide what comes. */
export function keyOf(report: Report): string {
  const events = [...report.events.values()].map(({ id, job, stage, at, text, failed, effect, isErased }) =>
    [id, job, stage, at, text, failed, effect, isErased].join(' '),
  );
  const jobs = [...report.jobs].map(([id, { isErased }]) => `${id} ${isErased}`);
  const writes = [...report.writes];
  return [report.isDeleted, report.winner, ...events.sort(), ...jobs.sort(), ...writes.sort()].join('\n');
}
