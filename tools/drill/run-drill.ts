import type { AlertEvent, AlertRule } from '../../src/contracts/alerts.ts';
import type { Bed, Heard } from './bed.ts';
import type { Drill, Promised } from './drill.ts';

/** A busy machine is slow: these rules may fire whatever the fault. */
const OF_THE_MACHINE: ReadonlySet<string> = new Set<AlertRule>(['latency', 'ping_slow']);

/** The observed times of one promised alert. */
interface Outcome {
  promised: Promised;
  /** In seconds by the drill's clock; null: never. */
  firedAfter: number | null;
  resolvedAfter: number | null;
}

export interface DrillResult {
  outcomes: Outcome[];
  /** Empty: the drill passed. */
  faults: string[];
}

const isOf = ({ rule, subject }: Promised, heard: Heard) =>
  heard.rule === rule &&
  (typeof subject === 'string' ? heard.subject === subject : subject.test(heard.subject));

const named = ({ rule, subject }: Heard) => (subject === '' ? rule : `${rule}:${subject}`);

/** Runs a drill without the fault, then with it, each for as long as its alerts may take. */
export async function runDrill(bed: Bed, drill: Drill): Promise<DrillResult> {
  const faults: string[] = [];
  const stepSeconds = drill.stepSeconds ?? 60;
  const quietMinutes =
    drill.quietMinutes ?? Math.max(...drill.alerts.map(({ withinMinutes }) => withinMinutes));

  await bed.settle();
  let first = bed.heard.length;
  await drill.prepare?.(bed);
  await (drill.workUnbroken ?? drill.work)?.(bed);
  for (let passed = 0; passed < quietMinutes * 60; passed += stepSeconds) await bed.pass(stepSeconds);
  const isPromised = (event: Heard) => drill.alerts.some((promised) => isOf(promised, event));
  const isFault = (event: Heard) => isPromised(event) || !OF_THE_MACHINE.has(event.rule);
  for (const event of bed.heard.slice(first).filter(isFault)) {
    faults.push(`without the fault: ${named(event)}`);
  }

  await bed.settle();
  first = bed.heard.length;
  const refused = bed.receiver.refused.length;
  const since = () => bed.heard.slice(first);
  const outcomes: Outcome[] = drill.alerts.map((promised) => ({
    promised,
    firedAfter: null,
    resolvedAfter: null,
  }));

  await drill.prepare?.(bed);
  let began = bed.clock.passedSeconds();
  const fix = await drill.break(bed);
  try {
    await drill.work?.(bed);
    await passUntil('alert.firing', 'withinMinutes', (outcome, seconds) => (outcome.firedAfter ??= seconds));
  } finally {
    await fix();
  }
  for (const event of since().filter((event) => event.type === 'alert.resolved' && isPromised(event))) {
    faults.push(`it resolved while it was broken: ${named(event)}`);
  }
  began = bed.clock.passedSeconds();
  await passUntil(
    'alert.resolved',
    'resolvedWithinMinutes',
    (outcome, seconds) => (outcome.resolvedAfter ??= seconds),
  );

  for (const { promised, firedAfter, resolvedAfter } of outcomes) {
    const firing = since().filter((event) => event.type === 'alert.firing' && isOf(promised, event));
    if (firedAfter === null)
      faults.push(`${promised.rule} did not fire within ${promised.withinMinutes} min`);
    else if (resolvedAfter === null) {
      faults.push(`${promised.rule} did not resolve within ${promised.resolvedWithinMinutes} min`);
    }
    for (const { alert } of firing) {
      const wrong = alert && promised.fault?.(alert);
      if (wrong !== undefined) faults.push(`${promised.rule}: ${wrong}; it says ${JSON.stringify(alert)}`);
    }
  }
  const allowed = new Set<string>([...drill.alerts.map(({ rule }) => rule), ...(drill.also ?? [])]);
  for (const event of since().filter((event) => isFault(event) && !allowed.has(event.rule))) {
    faults.push(`another alert: ${named(event)}`);
  }
  for (const why of bed.receiver.refused.slice(refused)) faults.push(`an alert was refused: ${why}`);
  return { outcomes, faults };

  async function passUntil(
    type: AlertEvent['type'],
    limit: 'withinMinutes' | 'resolvedWithinMinutes',
    note: (outcome: Outcome, seconds: number) => void,
  ): Promise<void> {
    for (;;) {
      const seconds = Math.round(bed.clock.passedSeconds() - began);
      let open = false;
      for (const outcome of outcomes) {
        // A late alert counts as missing.
        const isInTime = seconds <= outcome.promised[limit] * 60;
        if (!isInTime) continue;
        if (since().some((event) => event.type === type && isOf(outcome.promised, event))) {
          note(outcome, seconds);
        } else open = true;
      }
      if (!open) return;
      await bed.pass(stepSeconds);
    }
  }
}
