import {
  isAuthError,
  isAuthRefreshDiscardedError,
  isAuthRetryableFetchError,
  type Session,
  type AuthClient,
} from '@supabase/supabase-js';
import { z } from 'zod';
import { problemDetails } from '../contracts/problem.ts';

/** Why a call failed. `code` is a SQLSTATE, a code of `PROBLEMS`, or one of our own: see `failure`. */
export interface ServiceError {
  message: string;
  code: string;
  details?: string;
  hint?: string;
  /** HTTP status, if there was an answer. */
  status?: number;
  issues?: { path: string; message: string }[];
}

/** The part of a client that knows the session. */
export interface AuthOf {
  auth: InstanceType<typeof AuthClient>;
}

/** Errors are returned, as by supabase-js, never thrown. */
export type Answer<T> = { data: T; error: null } | { data: null; error: ServiceError };

export interface CallOptions {
  signal?: AbortSignal | undefined;
  /** Base of `/api`. Default: the page's own origin. */
  baseUrl?: string | undefined;
}

/** Our own codes: malformed input, not signed in, no such row, unexpected answer. */
type OwnCode = 'invalid_input' | 'unauthorized' | 'not_found' | 'unexpected_answer' | 'unreachable';

function failure(code: OwnCode, message: string, rest: Partial<ServiceError> = {}): Answer<never> {
  return { data: null, error: { code, message, ...rest } };
}

const databaseError = z.object({
  message: z.string(),
  code: z.string().nullish(),
  details: z.string().nullish(),
  hint: z.string().nullish(),
});

/**
 * The signed-in person's session. `unauthorized`: there is none, or Auth has rejected it. `unreachable`: it cannot be
 * refreshed at the moment, and is kept.
 */
export async function sessionOf(client: AuthOf): Promise<Answer<Session>> {
  const { data, error } = await client.auth
    .getSession()
    .catch((thrown: unknown) => ({ data: { session: null }, error: thrown }));
  if (data.session !== null) return { data: data.session, error: null };
  const isOver =
    error === null ||
    (isAuthError(error) && !isAuthRetryableFetchError(error) && !isAuthRefreshDiscardedError(error));
  if (isOver) return failure('unauthorized', 'Sign in first.');
  return failure('unreachable', error instanceof Error ? error.message : 'The session cannot be read.');
}

/** Runs a query with the person's rights and parses its answer. */
export async function ask<T>(
  client: AuthOf,
  query: PromiseLike<{ data: unknown; error: unknown; status: number }>,
  schema: z.ZodType<T>,
): Promise<Answer<T>> {
  const session = await sessionOf(client);
  // Without a session, supabase-js would query anonymously, and the person would be told that they lack the right.
  if (session.error !== null && session.error.code === 'unreachable') return session;
  try {
    const { data, error, status } = await query;
    if (error !== null) return { data: null, error: toServiceError(error, status) };
    return parse(data, schema);
  } catch (error) {
    return { data: null, error: toServiceError(error) };
  }
}

/** Parses the caller's input, then calls `work` with it. */
export async function withInput<I, T>(
  schema: z.ZodType<I>,
  input: unknown,
  work: (input: I) => Promise<Answer<T>>,
): Promise<Answer<T>> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return work(parsed.data);
  return failure('invalid_input', 'The input does not fit its schema.', { issues: issuesOf(parsed.error) });
}

/** Turns the absence of a row into an error. */
export function found<T>(answer: Answer<T | null>, message: string): Answer<T> {
  if (answer.error !== null) return answer;
  return answer.data === null ? failure('not_found', message) : { data: answer.data, error: null };
}

/** The first row, or `not_found`. */
export function first<T>(answer: Answer<T[]>, message: string): Answer<T> {
  return found(answer.error === null ? { data: answer.data[0] ?? null, error: null } : answer, message);
}

/** Calls an endpoint under `/api` with the signed-in person's access token. */
export async function callApi<T>(
  client: AuthOf,
  schema: z.ZodType<T>,
  { method, path, body, headers }: ApiRequest,
  { signal, baseUrl = '' }: CallOptions,
): Promise<Answer<T>> {
  const session = await sessionOf(client);
  if (session.error !== null) return session;
  try {
    const response = await fetch(`${baseUrl}/api${path}`, {
      method,
      headers: {
        authorization: `Bearer ${session.data.access_token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    });
    const answer: unknown = await response.json().catch(() => undefined);
    return response.ok ? parse(answer, schema) : refusal(response.status, answer);
  } catch (error) {
    return failure('unreachable', error instanceof Error ? error.message : 'The service cannot be reached.');
  }
}

interface ApiRequest {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Below `/api`, with its query. */
  path: string;
  body?: unknown;
  headers?: Record<string, string>;
}

function refusal(status: number, answer: unknown): Answer<never> {
  const parsed = problemDetails.safeParse(answer);
  if (!parsed.success) return failure('unexpected_answer', `The service answered ${status}.`, { status });
  const { title, detail, code, issues } = parsed.data;
  return {
    data: null,
    error: { message: title, code, status, ...(detail && { details: detail }), ...(issues && { issues }) },
  };
}

function parse<T>(data: unknown, schema: z.ZodType<T>): Answer<T> {
  const parsed = schema.safeParse(data);
  if (parsed.success) return { data: parsed.data, error: null };
  return failure('unexpected_answer', 'The answer does not have the shape it should have.', {
    issues: issuesOf(parsed.error),
  });
}

function issuesOf(error: z.ZodError): { path: string; message: string }[] {
  return error.issues.map(({ path, message }) => ({ path: path.join('.'), message }));
}

/** `status`: 0 if there was no answer. */
function toServiceError(error: unknown, status = 0): ServiceError {
  const parsed = databaseError.safeParse(error);
  const { message, code, details, hint }: z.infer<typeof databaseError> = parsed.success
    ? parsed.data
    : { message: status === 0 ? 'The database cannot be reached.' : `The database answered ${status}.` };
  return {
    message,
    // supabase-js gives no code for a failed fetch, nor for a gateway's answer in place of the database's.
    code: code || (status === 0 ? 'unreachable' : 'unexpected_answer'),
    ...(status !== 0 && { status }),
    ...(details && { details }),
    ...(hint && { hint }),
  };
}
