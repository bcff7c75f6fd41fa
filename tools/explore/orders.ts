import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { GATES, SESSION_NAMES, type Bed, type Session, type SessionName } from './bed.ts';
import { brokenInvariants } from './invariants.ts';
import type { Scene } from './scene.ts';
import { outcomeOf, outsideOf, STEPS, type StepName } from './steps.ts';

const BLOCKED_MS = 5;
/** Much longer than their lock time-outs, which a busy machine lets run over. */
const IMPATIENT_BLOCKED_MS = 300;
const STUCK_MS = 60_000;
/** The stop before the commit, when all locks are held. */
const COMMIT = 'commit';

/** One session runs until its stop, then the other until its own; then the first to its end, then the other. */
export interface Order {
  first: StepName;
  firstStop: number;
  second: StepName;
  secondStop: number;
}

type End = { answer: unknown } | { error: string; code: string };

export interface Played {
  order: Order;
  /** How the first call ended before its stop, or that it stopped, or waited for the second one; then the second call. */
  firstCame: Arrival;
  secondCame: Arrival;
  ends: Readonly<Record<SessionName, End>>;
  places: Readonly<Record<SessionName, readonly string[]>>;
  /** Calls that waited for a lock of the other one. */
  blocked: readonly SessionName[];
  /** What the second call had come to when the first one went on. */
  secondPlaces: readonly string[];
  problems: readonly string[];
}

type Arrival = 'stopped' | 'blocked' | 'ended';

interface Running {
  session: Session;
  step: StepName;
  ended: Promise<void>;
  /** At its stop, or at its end. */
  arrived: Promise<'stopped' | 'ended'>;
  end: End | undefined;
}

/** Plays one order from the kept state on, and says what is wrong after it. */
export async function play(bed: Bed, scene: Scene, order: Order): Promise<Played> {
  await bed.reset();
  const blocked: SessionName[] = [];
  const deadlocksBefore = await deadlocks(bed);
  const first = start(bed, scene, 'first', order.first, order.firstStop);
  const firstCame = await arrive(bed, first);
  const second = start(bed, scene, 'second', order.second, order.secondStop);
  const secondCame = await arrive(bed, second);
  if (secondCame === 'blocked') blocked.push('second');
  const secondPlaces = [...second.session.places];
  await open(bed, 'first');
  if (secondCame === 'stopped' && (await goOn(bed, first)) === 'blocked') blocked.push('first');
  await open(bed, 'second');
  await bothEnded(bed, [first, second]);
  const ends = { first: endOf(first), second: endOf(second) };
  const problems = await problemsOf(bed, scene, order, ends);
  if ((await deadlocks(bed)) > deadlocksBefore) problems.unshift('a deadlock');
  for (const [name, { waitsForNothing }] of [
    ['first', STEPS[order.first]],
    ['second', STEPS[order.second]],
  ] as const) {
    if (waitsForNothing && blocked.includes(name)) problems.push(`the ${name} call waited for a lock`);
  }
  return {
    order,
    firstCame,
    secondCame,
    ends,
    places: { first: [...first.session.places], second: [...second.session.places] },
    blocked,
    secondPlaces,
    problems,
  };
}

/** A step by itself: its stops, and which locks it holds before it commits. */
export async function playAlone(
  bed: Bed,
  scene: Scene,
  step: StepName,
  name: SessionName,
): Promise<{ places: readonly string[]; end: End; locks: ReadonlyMap<string, number> }> {
  await bed.reset();
  const counted = start(bed, scene, name, step, 0);
  await counted.ended;
  const places = [...counted.session.places];
  const end = endOf(counted);
  await bed.reset();
  const held = start(bed, scene, name, step, places.length);
  await arrive(bed, held);
  const locks = await locksOf(bed, held.session);
  await open(bed, name);
  await held.ended;
  return { places, end, locks };
}

function start(bed: Bed, scene: Scene, name: SessionName, stepName: StepName, stop: number): Running {
  const session = bed.sessions[name];
  const step = STEPS[stepName];
  session.places.length = 0;
  const running: Running = {
    session,
    step: stepName,
    ended: Promise.resolve(),
    arrived: Promise.resolve('ended'),
    end: undefined,
  };
  const atGate = new Promise<'stopped'>((resolve) => {
    session.onGate = () => {
      resolve('stopped');
    };
  });
  const claims = JSON.stringify({ sub: scene.userId, role: step.role });
  const statements = [
    'begin',
    `set local explore.session = '${name}'`,
    `set local explore.stop = '${stop}'`,
    'select pg_stat_force_next_flush()',
    `set local role ${step.role}`,
    `set local request.jwt.claims = '${claims}'`,
    step.call(scene, name),
    `select explore.stop('${COMMIT}')`,
    'commit',
  ];
  running.ended = session.sql.unsafe(statements.join(';\n')).then(
    (results) => {
      // Several statements in one text answer a list of results, each a list of rows, which the type does not say.
      running.end = { answer: answerOf(results as unknown as Record<string, unknown>[][]) };
    },
    async (error: unknown) => {
      if (!(error instanceof postgres.PostgresError)) throw error;
      await session.sql.unsafe('rollback');
      running.end = { error: error.message, code: error.code };
    },
  );
  running.arrived = Promise.race([atGate, running.ended.then(() => 'ended' as const)]);
  return running;
}

/** What the first row of the call says; of a statement without rows, nothing. */
function answerOf(results: readonly (readonly Record<string, unknown>[])[]): unknown {
  return results.flat().find((row) => 'answer' in row)?.['answer'] ?? null;
}

function endOf({ end, step }: Running): End {
  if (end === undefined) throw new Error(`${step} has not ended`);
  return end;
}

/** Until the call stands at its stop, waits for the other one, or has ended. */
async function arrive(bed: Bed, running: Running): Promise<Arrival> {
  const deadline = Date.now() + STUCK_MS;
  const { waitsForNothing, hasShortTimeouts } = STEPS[running.step];
  const blockedMs = waitsForNothing || hasShortTimeouts ? IMPATIENT_BLOCKED_MS : BLOCKED_MS;
  for (;;) {
    // A wait for a lock is the one thing that no message tells.
    const arrival = await Promise.race([running.arrived, sleep(BLOCKED_MS)]);
    if (arrival) return arrival;
    const [wait] = await bed.admin<{ is_blocked: boolean }[]>`
      select clock_timestamp() - waitstart > make_interval(secs => ${blockedMs / 1000}) as is_blocked
      from pg_locks
      where pid = ${running.session.pid} and not granted
        and (locktype <> 'advisory' or objsubid <> 2 or classid <> ${GATES})`;
    if (wait?.is_blocked) return 'blocked';
    if (Date.now() > deadline) throw new Error(`${running.step} neither ends nor waits`);
  }
}

/** From its stop to its end, or until it waits for the other one. */
async function goOn(bed: Bed, running: Running): Promise<Arrival> {
  running.arrived = running.ended.then(() => 'ended' as const);
  return arrive(bed, running);
}

async function open(bed: Bed, name: SessionName): Promise<void> {
  await bed.admin`select pg_advisory_unlock(${GATES}, ${SESSION_NAMES.indexOf(name) + 1})`;
}

/** Until both have ended. */
async function bothEnded(bed: Bed, both: readonly Running[]): Promise<void> {
  const timer = setTimeout(() => {
    // Then they end with an error that no order may have.
    for (const { session } of both) void bed.admin`select pg_cancel_backend(${session.pid})`;
  }, STUCK_MS);
  try {
    await Promise.all(both.map(({ ended }) => ended));
  } finally {
    clearTimeout(timer);
  }
}

async function deadlocks(bed: Bed): Promise<number> {
  const [row] = await bed.admin<{ count: number }[]>`
    select pg_stat_get_db_deadlocks(oid)::int as count from pg_database where datname = current_database()`;
  return row?.count ?? 0;
}

async function problemsOf(bed: Bed, scene: Scene, order: Order, ends: Played['ends']): Promise<string[]> {
  const problems: string[] = [];
  for (const name of SESSION_NAMES) {
    const stepName = order[name];
    const step = STEPS[stepName];
    const end = ends[name];
    if ('error' in end) {
      problems.push(`${stepName} failed: ${end.code} ${end.error}`);
      continue;
    }
    const found = [
      ...(step.outcomes ? outsideOf(step.outcomes, outcomeOf(end.answer)) : []),
      ...(step.judge?.(end.answer) ?? []),
      ...((await step.check?.(bed.admin, end.answer, scene)) ?? []),
    ];
    problems.push(...found.map((problem) => `${stepName}: ${problem}`));
  }
  problems.push(...(await brokenInvariants(bed.admin)));
  return problems;
}

async function locksOf(bed: Bed, { pid }: Session): Promise<ReadonlyMap<string, number>> {
  const locks = new Map<string, number>();
  await bed.admin.unsafe('begin');
  const rows = await bed.admin<{ place: string; strength: number }[]>`select * from explore.locked_rows()`;
  await bed.admin.unsafe('rollback');
  for (const { place, strength } of rows) locks.set(place, strength);
  const advisory = await bed.admin<{ place: string }[]>`
    select format('advisory lock %s %s', classid, objid) as place
    from pg_locks where pid = ${pid} and locktype = 'advisory' and granted and classid <> ${GATES}`;
  for (const { place } of advisory) locks.set(place, 4);
  return locks;
}
