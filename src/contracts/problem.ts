import { z } from 'zod';

interface Problem {
  /** HTTP status. */
  status: number;
  /** Texts may change; clients decide by the code. */
  title: string;
  /** The event can never be accepted: our sender stops retrying the delivery. */
  final: boolean;
}

/** Every refusal by its stable code. */
export const PROBLEMS = {
  invalid_json: { status: 400, final: true, title: 'The body is not JSON' },
  invalid_body: { status: 400, final: true, title: 'The body does not match the schema' },
  invalid_query: { status: 400, final: false, title: 'The query does not match the schema' },
  report_mismatch: {
    status: 400,
    final: false,
    title: 'The Idempotency-Key names another report than the body',
  },
  invalid_idempotency_key: { status: 400, final: false, title: 'The Idempotency-Key is malformed' },
  unexpected_event_type: {
    status: 400,
    final: true,
    title: 'This endpoint does not accept events of this type',
  },
  requested_in_future: { status: 400, final: false, title: 'requested_at is in the future' },
  missing_signature: { status: 401, final: false, title: 'Signature headers are missing' },
  invalid_signature: { status: 401, final: false, title: 'Invalid signature' },
  timestamp_out_of_tolerance: { status: 401, final: false, title: 'The timestamp is too old or too new' },
  unauthorized: { status: 401, final: false, title: 'Credentials are missing or invalid' },
  forbidden: { status: 403, final: false, title: 'These credentials do not allow this' },
  anonymous_user: {
    status: 403,
    final: false,
    title: 'Anonymous users may not do this: sign in with an account',
  },
  report_required: {
    status: 403,
    final: false,
    title: 'This caller may request jobs only for a report',
  },
  report_not_found: { status: 404, final: true, title: 'Report not found' },
  job_not_found: { status: 404, final: false, title: 'Job not found' },
  account_not_found: { status: 404, final: false, title: 'No account has this e-mail address' },
  plan_not_found: { status: 404, final: false, title: 'Plan not found' },
  endpoint_not_found: { status: 404, final: false, title: 'Endpoint not found' },
  event_not_found: { status: 404, final: false, title: 'Event not found' },
  delivery_not_found: { status: 404, final: false, title: 'This report has no delivery to retry' },
  method_not_allowed: { status: 405, final: false, title: 'Method not allowed' },
  event_conflict: { status: 409, final: true, title: 'This event id was used with other content' },
  job_conflict: { status: 409, final: true, title: 'This job already has another result' },
  job_mismatch: { status: 409, final: true, title: 'The job is for another report, type or stage' },
  job_cancelled: { status: 409, final: true, title: 'The job was cancelled' },
  job_not_repeatable: { status: 409, final: false, title: 'This job cannot be run again' },
  idempotency_conflict: {
    status: 409,
    final: false,
    title: 'This Idempotency-Key was used with another body',
  },
  final_exists: { status: 409, final: false, title: 'This report already has a final version' },
  delivery_closed: { status: 409, final: false, title: 'This delivery is closed: it can never succeed' },
  delivery_busy: { status: 409, final: false, title: 'Another process is sending this delivery' },
  revision_conflict: { status: 409, final: false, title: 'Somebody else changed the settings' },
  endpoint_unverified: { status: 409, final: false, title: 'This endpoint has not passed its check yet' },
  too_many_endpoints: { status: 409, final: false, title: 'The limit of endpoints is reached' },
  endpoint_secret_unreadable: {
    status: 409,
    final: false,
    title: 'The secret of this endpoint cannot be decrypted',
  },
  content_erased: { status: 410, final: false, title: 'The content of this event was erased' },
  content_unsendable: { status: 410, final: false, title: 'The content of this event cannot be sent' },
  body_too_large: { status: 413, final: true, title: 'The body is too large' },
  unsupported_media_type: { status: 415, final: false, title: 'The body must be application/json' },
  unsupported_content_encoding: {
    status: 415,
    final: false,
    title: 'The Content-Encoding is not accepted here',
  },
  invalid_compression: {
    status: 415,
    final: false,
    title: 'The body does not match its Content-Encoding',
  },
  rate_limited: { status: 429, final: false, title: 'Too many requests' },
  quota_exceeded: { status: 429, final: false, title: 'Too many unfinished jobs' },
  too_many_checks: { status: 429, final: false, title: 'Too many checks of this host' },
  budget_exceeded: { status: 429, final: false, title: 'The daily limit of jobs is reached' },
  internal_error: { status: 500, final: false, title: 'Internal error' },
  delivery_failed: { status: 502, final: false, title: 'The webhook failed again' },
  misconfigured: { status: 503, final: false, title: 'Environment variables are missing or malformed' },
  endpoint_secrets_key_missing: { status: 503, final: false, title: 'ENDPOINT_SECRETS_KEY is not set' },
  database_unavailable: { status: 503, final: false, title: 'The database is unavailable' },
} as const satisfies Record<string, Problem>;

export type ProblemCode = keyof typeof PROBLEMS;

const BY_CODE: ReadonlyMap<string, Problem> = new Map(Object.entries(PROBLEMS));

/** The problem with this code; undefined if the code is another system's. */
export function problemOf(code: string): Problem | undefined {
  return BY_CODE.get(code);
}

/** RFC 9457 problem details with our `code`, and the issues of an invalid body. */
export const problemDetails = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.string(),
  /** The title again, for the platform's older clients. */
  error: z.string().optional(),
  detail: z.string().optional(),
  issues: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  /** Only with `delivery_failed`: every answer of the retry endpoint has this member. */
  success: z.literal(false).optional(),
});
export type ProblemDetails = z.infer<typeof problemDetails>;
