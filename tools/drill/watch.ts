import { OUTSIDE_WATCH } from './bed.ts';
import { holdOpen } from './hold-open.ts';
import type { Drill } from './drill.ts';

/** For readings that are bad at once: the alert fires with the next sweep. */
const NEXT_SWEEP = 2;
/** Readings must be good for a minute; a sweep comes once a minute. */
const A_GOOD_MINUTE = 3;

export const WATCH_DRILLS: readonly Drill[] = [
  {
    name: 'cron-off',
    fault: 'the cron calls no sweep any more, while requests go on',
    alerts: [{ rule: 'no_sweep', subject: '', withinMinutes: 7, resolvedWithinMinutes: A_GOOD_MINUTE }],
    also: [OUTSIDE_WATCH],
    prepare: async (bed) => {
      await bed.run(1, 'final');
    },
    break: (bed) => {
      const { cronSecret } = bed;
      bed.cronSecret = null;
      return () => {
        bed.cronSecret = cronSecret;
      };
    },
  },
  {
    name: 'cron-refused',
    fault: 'the cron has a wrong CRON_SECRET',
    alerts: [{ rule: 'no_sweep', subject: '', withinMinutes: 7, resolvedWithinMinutes: A_GOOD_MINUTE }],
    also: [OUTSIDE_WATCH],
    prepare: async (bed) => {
      await bed.run(1, 'final');
    },
    break: (bed) => {
      const { cronSecret } = bed;
      bed.cronSecret = `${cronSecret ?? ''}-of-yesterday`;
      return () => {
        bed.cronSecret = cronSecret;
      };
    },
  },
  {
    name: 'rule-broken',
    fault: 'somebody has renamed the function of a rule',
    alerts: [
      {
        rule: 'rule_failing',
        subject: 'latency',
        withinMinutes: NEXT_SWEEP,
        resolvedWithinMinutes: A_GOOD_MINUTE,
        fault: ({ facts }) => (facts['sqlstate'] === '42883' ? undefined : 'the SQLSTATE is 42883'),
      },
    ],
    break: async ({ editor }) => {
      await editor`alter function private.alert_on_latency rename to alert_on_latencies`;
      return async () => {
        await editor`alter function private.alert_on_latencies rename to alert_on_latency`;
      };
    },
  },
  {
    name: 'rule-held',
    fault: 'an open transaction holds a table that a rule reads',
    alerts: [
      {
        rule: 'rule_failing',
        subject: 'verify_findings',
        withinMinutes: NEXT_SWEEP + 1,
        resolvedWithinMinutes: A_GOOD_MINUTE,
        fault: ({ facts }) => (facts['sqlstate'] === '55P03' ? undefined : 'the SQLSTATE is 55P03'),
      },
    ],
    // Verification waits for the same table.
    also: ['verify_findings'],
    break: ({ editor }) =>
      holdOpen(editor, (other) => other`lock table private.verify_findings in access exclusive mode`),
  },
  {
    name: 'receiver-fails',
    fault: 'the first receiver of alerts answers 500, and a clock is off',
    alerts: [
      {
        rule: 'clock_difference',
        subject: '',
        withinMinutes: 4,
        resolvedWithinMinutes: 4,
      },
    ],
    break: async ({ receiver, clock }) => {
      receiver.fail('answers 500');
      await clock.setFunctionsOff(45_000);
      return () => clock.setFunctionsOff(0);
    },
  },
  {
    name: 'receiver-hangs',
    fault: 'the first receiver of alerts does not answer, and a clock is off',
    alerts: [
      {
        rule: 'clock_difference',
        subject: '',
        withinMinutes: 4,
        resolvedWithinMinutes: 4,
      },
    ],
    break: async ({ receiver, clock }) => {
      receiver.fail('hangs');
      await clock.setFunctionsOff(45_000);
      return () => clock.setFunctionsOff(0);
    },
  },
  {
    name: 'clock-off',
    fault: 'the clock of the functions is 45 s behind that of the database',
    alerts: [
      {
        rule: 'clock_difference',
        subject: '',
        withinMinutes: 4,
        resolvedWithinMinutes: 4,
        fault: ({ facts }) =>
          Math.abs(Number(facts['function_ahead_seconds']) + 45) < 5 ? undefined : 'it is 45 s',
      },
    ],
    break: async ({ clock }) => {
      await clock.setFunctionsOff(-45_000);
      return () => clock.setFunctionsOff(0);
    },
  },
];
