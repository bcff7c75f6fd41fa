import { z } from 'zod';

/** Every refusal: its stable code, HTTP status and title. Clients decide by the code; texts may change. */
export const PROBLEMS = {
  invalid_json: { status: 400, title: 'The body is not JSON' },
  invalid_body: { status: 400, title: 'The body does not fit its schema' },
  invalid_query: { status: 400, title: 'The query does not fit its schema' },
  invalid_idempotency_key: { status: 400, title: 'The Idempotency-Key is malformed' },
  unexpected_event_type: { status: 400, title: 'This endpoint does not take events of this type' },
  requested_in_future: { status: 400, title: 'requested_at lies in the future' },
  missing_signature: { status: 401, title: 'Signature headers are missing' },
  invalid_signature: { status: 401, title: 'The signature does not fit' },
  timestamp_out_of_tolerance: { status: 401, title: 'The timestamp is too old or too new' },
  unauthorized: { status: 401, title: 'Credentials are missing or wrong' },
  forbidden: { status: 403, title: 'These credentials do not allow this' },
  report_not_found: { status: 404, title: 'No such report' },
  job_not_found: { status: 404, title: 'No such job' },
  delivery_not_found: { status: 404, title: 'This report has no delivery to retry' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  event_conflict: { status: 409, title: 'This event id already has other content' },
  job_conflict: { status: 409, title: 'This job already has another result' },
  job_mismatch: { status: 409, title: 'The job is for another report, type or stage' },
  job_cancelled: { status: 409, title: 'The job was cancelled' },
  idempotency_conflict: { status: 409, title: 'The Idempotency-Key was used with another body' },
  final_exists: { status: 409, title: 'The report has its final already' },
  delivery_busy: { status: 409, title: 'The delivery is being sent by another process' },
  body_too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'The body must be application/json' },
  rate_limited: { status: 429, title: 'Too many requests' },
  quota_exceeded: { status: 429, title: 'Too many unfinished jobs' },
  internal_error: { status: 500, title: 'Internal error' },
  delivery_failed: { status: 502, title: 'The webhook failed again' },
  database_unavailable: { status: 503, title: 'The database is not available' },
} as const;

export type ProblemCode = keyof typeof PROBLEMS;

/** RFC 9457 problem details, with our `code` and, for a body that does not fit, its issues. */
export const problemDetails = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.string(),
  detail: z.string().optional(),
  issues: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
});
export type ProblemDetails = z.infer<typeof problemDetails>;
