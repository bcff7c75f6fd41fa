/**
 * Report types: each is a row of `public.report_types`, and its reports stand in the table `<type>_reports`. To add a type,
 * call `private.create_report_type()` in a migration and name the type here. What else a type may have (its own intake,
 * composer, instructions, examples) is optional: without it, the type has the general one.
 */
export const REPORT_TYPES = ['greeting', 'org', 'requirement'] as const;
export const STAGES = ['prelim', 'final'] as const;
export const JOB_STATUSES = ['queued', 'running', 'succeeded', 'failed', 'cancelled'] as const;
export const WEBHOOK_STATUSES = ['pending', 'sent', 'success', 'failed', 'retrying'] as const;
/** How a delivery stands; the last two only of one to a subscriber. */
export const DELIVERY_STATUSES = [...WEBHOOK_STATUSES, 'superseded', 'cancelled'] as const;
/** What webhooks to us may say. */
export const EVENT_TYPES = [
  'report.prelim.completed',
  'report.prelim.failed',
  'report.final.completed',
  'report.final.failed',
] as const;

/** What webhooks to subscribers may say. */
export const OUTWARD_EVENT_TYPES = [...EVENT_TYPES, 'report.owner.edited', 'report.deleted'] as const;

/** What an event says of its report, as the settings and filters of subscribers name it. An edit is `completed`. */
export const OUTWARD_STATUSES = ['completed', 'failed', 'deleted'] as const;

/** How a subscriber stands. `unverified`: it has not passed its check yet. */
export const SUBSCRIBER_STATES = ['unverified', 'active', 'paused', 'removed'] as const;

/** Who applied an event first. */
export const CHANNELS = ['webhook', 'direct', 'owner', 'platform', 'import'] as const;

/** Why a delivery is a dead letter. */
export const DEAD_REASONS = [
  'attempts_exhausted',
  'refused',
  'report_deleted',
  'content_erased',
  'import',
  'unsendable',
  'pause_expired',
] as const;
/** Dead letters of these reasons are closed: nothing is left to send, or nobody would take it. `private.is_closed()` in SQL. */
export const CLOSED_DEAD_REASONS: ReadonlySet<string> = new Set<(typeof DEAD_REASONS)[number]>([
  'report_deleted',
  'content_erased',
  'import',
  'unsendable',
]);

/** How a plan stands. `proposed`: a replay that nobody has applied yet. `failed`: several slices in a row could not be done. */
export const PLAN_STATUSES = ['proposed', 'running', 'done', 'cancelled', 'failed'] as const;

/** Signed requests are accepted this long before and after their timestamp (Standard Webhooks). */
export const TOLERANCE_SECONDS = 5 * 60;

/** How long a function may run: `maxDuration` in vercel.json. */
export const FUNCTION_SECONDS = 300;

/** Largest request body that is read. */
export const MAX_BODY_BYTES = 1024 * 1024;

/** Largest result: with its envelope and JSON escapes it must still fit into MAX_BODY_BYTES. */
export const MAX_RESULT_BYTES = 900 * 1024;

export const MAX_PROMPT_CHARACTERS = 100_000;

/**
 * Most tokens that a job may ask a model for: about 64 KB of text, several times the longest report, and no more than current
 * models write in one answer. A request for more is granted this many.
 */
export const MAX_TOKENS = 16_384;

export const ALERT_SEVERITIES = ['critical', 'warning'] as const;
