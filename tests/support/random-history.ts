import type { Call, FinalEvent } from '../../tools/chaos/history/call.ts';
import { NEW_REPORT, perform, type Report, type Step } from '../../tools/chaos/history/report.ts';
import type { Random } from '../../tools/chaos/random.ts';

/** Between two calls' moments, and at most between a call's moment and its begin or end: several are under way at any time. */
const APART_MS = 10;
const MOST_MS = 40;
const LOST_SHARE = 0.3;

type New = Call extends infer One
  ? One extends Call
    ? Omit<One, 'n' | 'report' | 'begin' | 'end' | 'answer'>
    : never
  : never;

/** What callers of a report did, one call after another, each of which was under way for a while: an order explains it. */
export function randomHistory(
  random: Random,
  options: { report: string; calls: number; jobs: number; start: number },
): Call[] {
  const { report, calls: count, jobs, start } = options;
  const calls: Call[] = [];
  const order: FinalEvent[] = [];
  let state: Report = NEW_REPORT;
  let now = start;
  let canDelete = random.fraction() < 0.3;

  /** `isSeen`: somebody is there who may hear the answer. */
  function happen(one: New, isSeen = true): void {
    now += APART_MS;
    const begin = now - random.whole(0, MOST_MS);
    const whole = { ...one, n: calls.length, report, begin, end: null, answer: null } as Call;
    const isLost = !isSeen || random.fraction() < LOST_SHARE;
    // A lost call may never have arrived; it is still part of the history.
    const step = isLost && isSeen && random.fraction() < 0.5 ? null : perform(state, whole, null);
    // One that cannot happen yet would have been no call at all.
    if (step === null && !isLost) return;
    if (step !== null) take(step.next);
    calls.push(
      isLost || step === null ? whole : answered(whole, step, now + random.whole(0, MOST_MS), random),
    );
  }
  function take(next: Report): void {
    for (const event of next.events.values()) {
      const { effect } = event;
      if (effect === null || order.some((known) => known.event === event.id)) continue;
      order.push({ event: event.id, by: event.by, at: event.at, effect });
    }
    state = next;
  }

  const names = Array.from({ length: jobs }, (_, job) => `${report}-${job}`);
  const times = new Map(names.map((job, index) => [job, start + (index + 1) * 2]));
  const stages = new Map(names.map((job) => [job, random.pick(['prelim', 'final'] as const)]));
  const ofJob = (job: string) => ({ job, stage: stages.get(job) ?? 'final' });
  const result = (job: string) => ({
    ...ofJob(job),
    event: `evt-${job}`,
    text: `text of ${job}`,
    failed: job.endsWith('3'),
  });
  const foreign = (id: number) => ({
    event: `ext-${report}-${id}`,
    job: `other-${report}-${random.fraction() < 0.1 ? 0 : id}`,
    stage: id % 2 === 0 ? ('prelim' as const) : ('final' as const),
    at: 1000 - id,
    text: random.fraction() < 0.15 ? `another text ${id}` : `text ${id}`,
    failed: false,
    own: false,
  });
  for (let made = 0; made < count; made += 1) {
    const job = random.pick(names);
    const draw = random.fraction();
    if (draw < 0.15) happen({ call: 'request', ...ofJob(job), at: times.get(job) ?? null });
    else if (draw < 0.25) happen({ call: 'complete', ...result(job) }, random.fraction() < 0.5);
    else if (draw < 0.45) happen({ call: 'webhook', ...result(job), at: 0, own: true });
    else if (draw < 0.6) happen({ call: 'webhook', ...foreign(random.whole(1, 5)) });
    else if (draw < 0.65) happen({ call: 'direct update', event: `evt-${job}` }, false);
    else if (draw < 0.72)
      happen({ call: 'write', by: random.pick(['owner', 'platform']), text: `write ${calls.length}` });
    else if (draw < 0.98 || made < count / 2) happen({ call: 'read' });
    else if (canDelete) {
      canDelete = false;
      happen({ call: 'delete' });
      for (const { event } of order) happen({ call: 'erase', what: event }, false);
      for (const what of names) happen({ call: 'erase', what }, false);
    }
  }
  now += MOST_MS * 2;
  const n = calls.length;
  const last = { report, begin: now, end: now };
  const read = perform(state, { ...last, n, call: 'read', answer: null }, null);
  if (read !== null) calls.push(answered({ ...last, n, call: 'read', answer: null }, read, now, random));
  calls.push({ ...last, n: n + 1, call: 'list events', answer: order });
  return calls;
}

function answered(call: Call, { answer }: Step, end: number, random: Random): Call {
  const told =
    typeof answer === 'string' || Array.isArray(answer)
      ? answer
      : { text: answer.text, status: random.pick(answer.statuses) };
  // The answer is the one that this kind of call has: the specification gave it for this call.
  return { ...call, end, answer: told } as Call;
}

const OUTCOMES = [
  'applied',
  'duplicate',
  'superseded',
  'event_conflict',
  'job_conflict',
  'report_not_found',
] as const;

/** The same history with one answer changed into another that such a call may have. */
export function withWrongAnswer(random: Random, calls: readonly Call[]): Call[] {
  const at = calls.indexOf(random.pick(calls.filter(({ answer }) => answer !== null)));
  return calls.map((call, index) => (index === at ? wrong(random, call, calls) : call));
}

function wrong(random: Random, call: Call, calls: readonly Call[]): Call {
  const other = <T>(choices: readonly T[], present: T): T =>
    random.pick(choices.filter((one) => one !== present));
  switch (call.call) {
    case 'request':
      return {
        ...call,
        answer: other([call.job, 'report_not_found', 'final_exists', 'another job'], call.answer ?? ''),
      };
    case 'complete':
      return {
        ...call,
        answer: other(['accepted', 'job_conflict', 'report_not_found'] as const, call.answer ?? 'accepted'),
      };
    case 'webhook':
      return { ...call, answer: other(OUTCOMES, OUTCOMES.find((one) => one === call.answer) ?? 'applied') };
    case 'write':
      return { ...call, answer: other(['written', 'gone'] as const, call.answer ?? 'gone') };
    case 'read': {
      if (call.answer === 'gone' || call.answer === null)
        return { ...call, answer: { text: null, status: 'pending' } };
      const texts = [null, ...calls.flatMap((one) => ('text' in one ? [one.text] : []))];
      const { text, status } = call.answer;
      return random.fraction() < 0.5 || new Set(texts).size < 2
        ? { ...call, answer: { text, status: other(['pending', 'running', 'completed', 'failed'], status) } }
        : { ...call, answer: { text: other(texts, text), status } };
    }
    case 'list events': {
      const [first, ...rest] = call.answer ?? [];
      return { ...call, answer: first === undefined ? [] : rest };
    }
    case 'delete':
    case 'direct update':
    case 'erase':
      return call;
  }
}
