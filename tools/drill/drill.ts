import type { AlertEvent, AlertRule } from '../../src/contracts/alerts.ts';
import type { Bed, OUTSIDE_WATCH } from './bed.ts';

export interface Promised {
  rule: AlertRule | typeof OUTSIDE_WATCH;
  /** What the alert must name. */
  subject: string | RegExp;
  /** The promise of docs/operations.md: it fires within so many minutes after the fault. */
  withinMinutes: number;
  /** Once it is fixed. */
  resolvedWithinMinutes: number;
  /** What else is wrong with the alert: other counts or ids. Undefined: nothing. */
  fault?: (alert: AlertEvent['data']) => string | undefined;
}

/** Undoes the fault, as whoever is on call would. */
type Fix = () => Promise<void> | void;

export interface Drill {
  /** As `npm run drill -- NAME` and docs/failure-modes.md name it. */
  name: string;
  /** What is broken, in words. */
  fault: string;
  alerts: readonly [Promised, ...Promised[]];
  /** Others that the same fault rightly fires, but not for sure. */
  also?: readonly Promised['rule'][];
  /** A limit that was shortened by the documented setting, and why. */
  setting?: string;
  /** Before anything is broken, and also where nothing is. */
  prepare?: (bed: Bed) => Promise<void>;
  break: (bed: Bed) => Promise<Fix> | Fix;
  /** What goes on meanwhile, broken or not. */
  work?: (bed: Bed) => Promise<void>;
  /** What goes on where nothing is broken, where it cannot be the same as when it is. */
  workUnbroken?: (bed: Bed) => Promise<void>;
  /** For how long it must be silent without the fault; as long as the alerts may take, unless it is given. */
  quietMinutes?: number;
  /** How much time passes between two sweeps. A minute, unless it is given. */
  stepSeconds?: number;
}
