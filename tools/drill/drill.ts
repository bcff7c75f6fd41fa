import type { AlertEvent, AlertRule } from '../../src/contracts/alerts.ts';
import type { Bed, OUTSIDE_WATCH } from './bed.ts';

export interface Promised {
  rule: AlertRule | typeof OUTSIDE_WATCH;
  /** The subject that the alert must name. */
  subject: string | RegExp;
  /** The promise of docs/operations.md: minutes from the fault until the alert fires. */
  withinMinutes: number;
  /** Minutes from the fix until the alert resolves. */
  resolvedWithinMinutes: number;
  /** Checks the content of the alert, such as counts or ids. Undefined: correct. */
  fault?: (alert: AlertEvent['data']) => string | undefined;
}

/** Undoes the fault, as the person on call would. */
type Fix = () => Promise<void> | void;

export interface Drill {
  /** The name in `npm run drill -- NAME` and in docs/failure-modes.md. */
  name: string;
  /** The fault in words. */
  fault: string;
  alerts: readonly [Promised, ...Promised[]];
  /** Other alerts that the fault may cause, but need not. */
  also?: readonly Promised['rule'][];
  /** The limit that was shortened by a documented setting, and why. */
  setting?: string;
  /** Runs first, with and without the fault. */
  prepare?: (bed: Bed) => Promise<void>;
  break: (bed: Bed) => Promise<Fix> | Fix;
  /** Work that continues during the drill, with and without the fault. */
  work?: (bed: Bed) => Promise<void>;
  /** Replaces `work` in the run without the fault, if that needs other work. */
  workUnbroken?: (bed: Bed) => Promise<void>;
  /** How long no alert may fire without the fault. Default: the longest `withinMinutes` of the alerts. */
  quietMinutes?: number;
  /** Time between two sweeps. Default: a minute. */
  stepSeconds?: number;
}
