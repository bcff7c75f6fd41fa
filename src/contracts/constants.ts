/**
 * Report types: each is a row of `public.report_types` with its own table `<type>_reports`. To add a type, call
 * `private.create_report_type()` in a migration and name the type here. An own intake, composer, instructions and examples
 * are optional: without them, the type has general ones.
 */
export const REPORT_TYPES = ['greeting', 'org', 'requirement'] as const;
export const STAGES = ['prelim', 'final'] as const;
export const JOB_STATUSES = ['queued', 'running', 'succeeded', 'failed', 'cancelled'] as const;
export const WEBHOOK_STATUSES = ['pending', 'sent', 'success', 'failed', 'retrying'] as const;
/** State of a delivery. The last two apply only to deliveries to a subscriber. */
export const DELIVERY_STATUSES = [...WEBHOOK_STATUSES, 'superseded', 'cancelled'] as const;
/** Event types of webhooks to us. */
export const EVENT_TYPES = [
  'report.prelim.completed',
  'report.prelim.failed',
  'report.final.completed',
  'report.final.failed',
] as const;

/** Event types of webhooks to subscribers. */
export const OUTWARD_EVENT_TYPES = [...EVENT_TYPES, 'report.owner.edited', 'report.deleted'] as const;

/** Status of an event, as subscribers' settings and filters name it. An edit is `completed`. */
export const OUTWARD_STATUSES = ['completed', 'failed', 'deleted'] as const;

/** State of a subscriber. `unverified`: it has not passed its check yet. */
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
/**
 * Dead letters with these reasons are closed: there is nothing left to send, or the endpoint no longer takes it.
 * `private.is_closed()` in SQL.
 */
export const CLOSED_DEAD_REASONS: ReadonlySet<string> = new Set<(typeof DEAD_REASONS)[number]>([
  'report_deleted',
  'content_erased',
  'import',
  'unsendable',
]);

/** State of a plan. `proposed`: a replay that nobody has applied yet. `failed`: several slices in a row failed. */
export const PLAN_STATUSES = ['proposed', 'running', 'done', 'cancelled', 'failed'] as const;

/** How far the timestamp of a signed request may differ from our clock, in both directions (Standard Webhooks). */
export const TOLERANCE_SECONDS = 5 * 60;

/** How long a function may run: `maxDuration` in vercel.json. */
export const FUNCTION_SECONDS = 300;

/** Largest request body that is read. */
export const MAX_BODY_BYTES = 1024 * 1024;

/** Largest result: with its envelope and JSON escapes it must still fit into MAX_BODY_BYTES. */
export const MAX_RESULT_BYTES = 900 * 1024;

export const MAX_PROMPT_CHARACTERS = 100_000;

/**
 * The most tokens that a job may get from a model: about 64 KB of text, several times the longest report, and within what
 * current models write in one answer. A request for more is granted this many.
 */
export const MAX_TOKENS = 16_384;

export const ALERT_SEVERITIES = ['critical', 'warning'] as const;
