import type { z } from 'zod';
import type { ProblemCode } from '../problem.ts';

/** Describes one method of one path. `tools/openapi/document.ts` makes the OpenAPI document from all of these. */
export interface Operation {
  id: string;
  tag: Tag;
  summary: string;
  description: string;
  /** Alternatives: any one is sufficient. `nobody`: no credentials are needed. */
  callers: readonly Caller[];
  query?: z.ZodObject;
  headers?: z.ZodObject;
  body?: {
    schema: z.ZodType;
    /** Whether some requests have no body. */
    isOptional?: boolean;
  };
  answers: Readonly<Record<number, Answer>>;
  /** In addition to `internal_error` and `database_unavailable`, which every operation may answer. */
  problems: readonly ProblemCode[];
  /** Pages of other origins may call this: `OPTIONS` is answered, and problems may have the type `application/json`. */
  isForPages?: boolean;
  /** In addition to the headers of the problem codes. */
  headersOfAll?: readonly HeaderName[];
}

interface Answer {
  description: string;
  /** Absent: the answer has no body. */
  schema?: z.ZodType;
  /** `application/json` unless others are named. */
  mediaTypes?: readonly string[];
  headers?: readonly HeaderName[];
}

type Method = 'get' | 'head' | 'post' | 'patch' | 'delete';
export type Paths = Readonly<Record<string, Partial<Record<Method, Operation>>>>;

export const TAGS = {
  Jobs: 'Requests for reports, their progress and their results.',
  Webhooks: 'Signed results of the pipeline, and the signed ping.',
  Operators: 'Retries, redrives, plans, erasure and the sweep.',
  Subscribers: 'Other systems that hear of results.',
  Monitoring: 'Health and metrics.',
  'What is sent': 'Requests that this system makes: events to subscribers, and alerts.',
} as const;
type Tag = keyof typeof TAGS;

const bearer = (description: string) => ({ type: 'http', scheme: 'bearer', description }) as const;
const signature = (name: string, description: string) =>
  ({ type: 'apiKey', in: 'header', name, description }) as const;

export const CALLERS = {
  signature: signature(
    'webhook-signature',
    'Standard Webhooks: `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`, with a key of `WEBHOOK_SECRET`. Several signatures are separated by spaces. Of a compressed body the decompressed bytes are signed.',
  ),
  legacySignature: signature(
    'x-webhook-signature',
    '`sha256=` and the hex HMAC-SHA256 of the body, only where `WEBHOOK_LEGACY_SECRET` is set and none of the three `webhook-` headers is sent.',
  ),
  pipeline: bearer('One of `PIPELINE_API_KEY`.'),
  user: bearer('The Supabase access token of a user who is not anonymous.'),
  operator: bearer('The Supabase access token of a user in `public.operators`.'),
  cron: bearer('One of `CRON_SECRET`.'),
  subscriber: bearer('The read token of a subscriber.'),
  monitoring: bearer('One of `METRICS_TOKEN`.'),
} as const;
export type Caller = keyof typeof CALLERS | 'nobody';

export const HEADERS = {
  'Retry-After': 'Seconds after which to retry.',
  RateLimit:
    'The limit that was reached, without tokens left (`r=0`), and the seconds until the next one (`t`).',
  'RateLimit-Policy': 'The limit: its burst (`q`), and the seconds from an empty to a full bucket (`w`).',
  Location: 'Path of the job.',
  Allow: 'The methods that there are.',
  'Access-Control-Allow-Origin':
    'For an origin in `CORS_ORIGINS`: this origin. Every answer to it has this header.',
  'Access-Control-Allow-Methods': 'For an origin in `CORS_ORIGINS`: the methods that its pages may use.',
  'Access-Control-Allow-Headers': 'For an origin in `CORS_ORIGINS`: the headers that its pages may send.',
  'Access-Control-Max-Age':
    'For an origin in `CORS_ORIGINS`: for how many seconds its browser may keep this answer.',
  'Accept-Encoding': 'The codings that are accepted here.',
  Deprecation: 'Of an answer to the flat body: since when it is deprecated (RFC 9745).',
  Sunset: 'Of an answer to the flat body: from when it may be refused (RFC 8594).',
} as const;
export type HeaderName = keyof typeof HEADERS;

/** Headers that every answer with this code has. */
export const HEADERS_OF_PROBLEMS: Partial<Record<ProblemCode, readonly HeaderName[]>> = {
  database_unavailable: ['Retry-After'],
  rate_limited: ['Retry-After', 'RateLimit', 'RateLimit-Policy'],
  budget_exceeded: ['Retry-After'],
  too_many_checks: ['Retry-After'],
  unsupported_content_encoding: ['Accept-Encoding'],
};

/** Reasons for rejecting a JSON body. */
export const OF_BODIES = [
  'invalid_json',
  'invalid_body',
  'body_too_large',
  'unsupported_media_type',
  'unsupported_content_encoding',
] as const satisfies ProblemCode[];

/** Reasons for rejecting a user's token. */
export const OF_USERS = ['unauthorized', 'anonymous_user'] as const satisfies ProblemCode[];
export const OF_OPERATORS = [...OF_USERS, 'forbidden'] as const satisfies ProblemCode[];
