import { z } from 'zod';
import { ALERT_SEVERITIES } from './constants.ts';
import { timestamp } from './timestamp.ts';

export const ALERT_STATES = ['pending', 'firing', 'resolved'] as const;
export const ALERT_TRANSITIONS = ['firing', 'resolved'] as const;

/** Facts of an alert from SQL: ids, counts and our own words, never text written by an owner, a sender or a receiver. */
const fact = z.union([z.string(), z.number(), z.null(), z.array(z.string())]);
export const alertFacts = z.record(z.string(), fact);

/** `alert_at()` in SQL: an alert at the moment of a transition. */
export const alertAt = z.object({
  alert_id: z.guid(),
  rule: z.string(),
  subject: z.string(),
  severity: z.enum(ALERT_SEVERITIES),
  value: z.number(),
  threshold: z.number(),
  affected: z.int(),
  facts: alertFacts,
  since: timestamp,
  fired_at: timestamp,
  resolved_at: timestamp.nullable(),
});
export type AlertAt = z.infer<typeof alertAt>;

interface RuleWords {
  /** Headline of the alert, without its subject. */
  title: string;
  /** The measured value, and how many are affected. */
  says: (alert: Pick<AlertAt, 'value' | 'threshold' | 'affected' | 'facts'>) => string;
  /** The consequence for reports. */
  meaning: string;
  /** First line of the runbook: docs/operations.md, "Alerts". */
  action: string;
  /** What was lost, for the message that the alert is resolved. */
  lost: string;
}

const NOTHING = 'Nothing was lost: each result is stored before the first attempt to deliver it.';
const NO_RESULT = 'Nothing was lost: no result was affected.';
const STORED = 'Results are stored directly in their reports; only the confirmation by the webhook is late.';

/** A duration for people: 90 s, 12 min, 3 h. */
function duration(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** Why a subscriber is paused, in words. */
const PAUSE_REASONS: Readonly<Record<string, string>> = {
  operator: 'by an operator',
  failing: 'it accepted nothing for days',
  gone: 'it answered 410',
  secret_unreadable: 'no key in ENDPOINT_SECRETS_KEY decrypts its secret',
  address_changed: 'its new URL has not passed a check',
};

/** The texts of each rule of `private.alert_rules`. */
export const ALERT_RULES = {
  success_rate: {
    title: 'Deliveries fail',
    says: ({ value, threshold, affected }) =>
      `${value} % of the newest attempts were delivered (limit ${threshold} %); ${counted(affected, 'was', 'were')} not.`,
    meaning: STORED,
    action: 'Open the deliveries, read the last answers of the endpoint, and fix their cause.',
    lost: NOTHING,
  },
  latency: {
    title: 'Deliveries are slow',
    says: ({ value, threshold, affected }) =>
      `The 95th percentile of the newest attempts is ${value} ms (limit ${threshold} ms); ${affected} took longer than the limit.`,
    meaning: 'Results arrive late. Attempts that reach their time-out count as failed.',
    action: 'Look at the durations of the functions and at the connections and CPU of the database.',
    lost: NOTHING,
  },
  queue_depth: {
    title: 'Deliveries pile up',
    says: ({ value, threshold }) =>
      `${counted(value, 'delivery waits', 'deliveries wait')} (limit ${threshold}).`,
    meaning: STORED,
    action: 'Check that sweeps run and that the circuit of the endpoint is closed.',
    lost: NOTHING,
  },
  queue_age: {
    title: 'A delivery waits too long',
    says: ({ value, threshold, affected }) =>
      `The oldest delivery has waited for ${duration(value)} (limit ${duration(threshold)}); ${counted(affected, 'delivery waits', 'deliveries wait')}.`,
    meaning: STORED,
    action: 'Open the oldest of the deliveries and read its last answer.',
    lost: NOTHING,
  },
  circuit_open: {
    title: 'A circuit stays open',
    says: ({ value, threshold, affected }) =>
      `The circuit has been open for ${duration(value)} (limit ${duration(threshold)}); ${counted(affected, 'delivery waits', 'deliveries wait')}.`,
    meaning: STORED,
    action: 'Fix the endpoint. The first probe that is answered closes the circuit.',
    lost: NOTHING,
  },
  dead_letters: {
    title: 'New dead letters',
    says: ({ value }) =>
      `${counted(value, 'new dead letter waits', 'new dead letters wait')} for an operator.`,
    meaning: 'These deliveries used all their retries. Their results are stored in their reports.',
    action: 'Fix the cause, then redrive them: console, Deliveries.',
    lost: NOTHING,
  },
  jobs_overdue: {
    title: 'Jobs are overdue',
    says: ({ value, threshold, affected }) =>
      `${counted(affected, 'job is', 'jobs are')} overdue, the oldest for ${duration(value)} (limit ${duration(threshold)}).`,
    meaning:
      'Their runners died or their results did not arrive, and no sweep has taken them over: these reports wait.',
    action: 'Check that sweeps run, and look for the log line "a job was not taken over".',
    lost: 'Nothing was lost: a take-over generates the report again.',
  },
  jobs_failing: {
    title: 'Jobs fail',
    says: ({ value, threshold, affected }) =>
      `${value} % of the newest jobs failed (limit ${threshold} %): ${counted(affected, 'job', 'jobs')}.`,
    meaning: 'These reports keep their previous text. A failed job is not retried automatically.',
    action: 'Read the error of a failed job; check the language model, its key and its quota.',
    lost: 'No stored result was lost. The failed jobs have no result: request them again.',
  },
  no_sweep: {
    title: 'No sweep runs',
    says: ({ value, threshold }) =>
      `The last sweep ran ${duration(value)} ago (limit ${duration(threshold)}).`,
    meaning: 'Nothing is retried, taken over or pruned. First attempts continue, and results are stored.',
    action:
      'Check the cron and CRON_SECRET (npm run doctor, cron). Until then call /api/cron/sweep yourself.',
    lost: NOTHING,
  },
  verify_findings: {
    title: 'Invariants are broken',
    says: ({ value }) => `${counted(value, 'finding', 'findings')}.`,
    meaning: 'Some rows have a state that none of our functions writes.',
    action: 'Run npm run verify, and find out who wrote these rows. Do not change them before that.',
    lost: 'The findings are gone. Check with npm run verify and the audit log whether anything was lost.',
  },
  clock_difference: {
    title: 'Clocks differ',
    says: ({ value, threshold }) =>
      `The clocks of the functions and of the database differ by ${value} s (limit ${threshold} s).`,
    meaning: 'Signed webhooks are refused when the clocks of sender and receiver differ by more than 300 s.',
    action: 'Run npm run doctor, which names the wrong clock, and ask its provider.',
    lost: NO_RESULT,
  },
  secret_age: {
    title: 'A secret is old',
    says: ({ value, threshold }) => `The secret has been in use for ${value} days (limit ${threshold} days).`,
    meaning: 'Secrets are rotated monthly. Everything works.',
    action: 'Rotate it: docs/operations.md, Monthly secret rotation.',
    lost: NO_RESULT,
  },
  table_growth: {
    title: 'A table grows fast',
    says: ({ value, threshold, affected }) =>
      `The table grew by ${value} % within a day (limit ${threshold} %), by about ${affected} rows.`,
    meaning: 'The disk may fill up, or retention does not keep up.',
    action:
      'Find out who writes these rows, and check that the sweep prunes: docs/operations.md, Regular audit clean-up.',
    lost: NO_RESULT,
  },
  ping_failing: {
    title: 'The webhook path is broken',
    says: ({ value, threshold }) => `${value} signed pings in a row failed (limit ${threshold}).`,
    meaning: 'Webhooks probably fail in the same way. Results are stored directly in their reports.',
    action: 'Run npm run doctor: the line "address" names the cause and the fix.',
    lost: NOTHING,
  },
  ping_slow: {
    title: 'The webhook path is slow',
    says: ({ value, threshold, affected }) =>
      `Each of the last ${affected} signed pings took at least ${value} ms (limit ${threshold} ms).`,
    meaning: 'Webhooks are probably as slow.',
    action:
      'Run npm run doctor: compare "database" and "region", and look at the connections of the database.',
    lost: NOTHING,
  },
  rule_failing: {
    title: 'An alert rule fails',
    says: ({ facts: { sqlstate } }) =>
      `The rule ended with SQLSTATE ${typeof sqlstate === 'string' ? sqlstate : 'unknown'}.`,
    meaning: 'This rule is not evaluated. All other rules are.',
    action: 'Run select * from private.alert_on_<rule>() for this rule as postgres, and read the error.',
    lost: NO_RESULT,
  },
  subscriber_failing: {
    title: 'A subscriber accepts nothing',
    says: ({ value, threshold, affected, facts: { paused_at } }) =>
      `The subscriber has accepted nothing for ${value} days (limit ${threshold} days); ${counted(affected, 'delivery waits', 'deliveries wait')}.` +
      (typeof paused_at === 'string' ? ` It will be paused at ${paused_at}.` : ''),
    meaning: 'This subscriber receives no events. Reports and other subscribers are not affected.',
    action: 'Open the subscriber, read its last answers, and tell its operators.',
    lost: 'Nothing was lost: waiting deliveries are sent now. Check the dead letters of this subscriber.',
  },
  subscriber_paused: {
    title: 'A subscriber is paused',
    says: ({ affected, facts: { reason, paused_at, given_up_at } }) =>
      `Paused since ${String(paused_at)} (${PAUSE_REASONS[String(reason)] ?? String(reason)}); ${counted(affected, 'delivery waits', 'deliveries wait')}.` +
      (typeof given_up_at === 'string' ? ` The oldest becomes a dead letter at ${given_up_at}.` : ''),
    meaning: 'This subscriber receives no events. Its deliveries wait for at most PAUSE_MAX_DAYS.',
    action: 'Fix the reason, then resume the subscriber: waiting deliveries are sent in order.',
    lost: 'Waiting deliveries are sent in order. Older ones than PAUSE_MAX_DAYS are dead letters; redrive them.',
  },
} as const satisfies Record<string, RuleWords>;
export type AlertRule = keyof typeof ALERT_RULES;

/** Texts for a rule that this version does not know: the database may be newer than the functions. */
const UNKNOWN_RULE: RuleWords = {
  title: 'An alert of an unknown rule',
  says: ({ value, threshold, affected }) => `Measured ${value}, limit ${threshold}; ${affected} affected.`,
  meaning: 'The database is newer than the functions.',
  action: 'Read the rule in docs/operations.md of the newest version.',
  lost: NO_RESULT,
};

export function wordsOf(rule: string): RuleWords {
  const words: Readonly<Record<string, RuleWords>> = ALERT_RULES;
  return Object.hasOwn(words, rule) ? (words[rule] ?? UNKNOWN_RULE) : UNKNOWN_RULE;
}

/** The body of an alert, signed by Standard Webhooks with ALERT_SECRET. */
export const alertEvent = z.object({
  type: z.enum(['alert.firing', 'alert.resolved']),
  /** When it fired or resolved. */
  timestamp,
  data: z.object({
    /** The same for both events (firing and resolved) of an alert. */
    alert_id: z.guid(),
    rule: z.string(),
    /** The endpoint, subscriber, stage, table, address or secret; empty if the rule has no subjects. */
    subject: z.string(),
    severity: z.enum(ALERT_SEVERITIES),
    title: z.string(),
    /** What was measured, in a sentence. */
    summary: z.string(),
    meaning: z.string(),
    action: z.string(),
    /** What was lost, in a sentence; null while it fires. */
    lost: z.string().nullable(),
    since: timestamp,
    resolved_at: timestamp.nullable(),
    value: z.number(),
    threshold: z.number(),
    affected: z.int(),
    facts: alertFacts,
    /** Link to the alert in the console. */
    url: z.string(),
    /** Link to its section of docs/operations.md. */
    runbook: z.string(),
  }),
});
export type AlertEvent = z.infer<typeof alertEvent>;
