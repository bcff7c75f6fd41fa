import {
  isAuthError,
  isAuthRefreshDiscardedError,
  isAuthRetryableFetchError,
  type Session,
  type AuthClient,
} from '@supabase/supabase-js';
import { z } from 'zod';
import { problemDetails } from '../contracts/problem.ts';

/** What a call failed with. `code` is a SQLSTATE, a code of `PROBLEMS`, or one of ours: see `failure`. */
export interface ServiceError {
  message: string;
  code: string;
  details?: string;
  hint?: string;
  /** HTTP status, where one was answered. */
  status?: number;
  issues?: { path: string; message: string }[];
}

/** The part of a client that knows who is signed in. */
export interface AuthOf {
  auth: InstanceType<typeof AuthClient>;
}

/** As supabase-js answers: never thrown. */
export type Answer<T> = { data: T; error: null } | { data: null; error: ServiceError };

export interface CallOptions {
  signal?: AbortSignal | undefined;
  /** Where `/api` is; the page's own origin where left out. */
  baseUrl?: string | undefined;
}

/** Our own codes: what was handed in is malformed, nobody is signed in, there is no such row, nothing sensible came back. */
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
 * The session of the person who is signed in. `unauthorized`: there is none, or Auth has refused it. `unreachable`: it
 * cannot be refreshed just now, and is kept.
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

/** Runs a query with the person's rights and parses what it answers. */
export async function ask<T>(
  client: AuthOf,
  query: PromiseLike<{ data: unknown; error: unknown; status: number }>,
  schema: z.ZodType<T>,
): Promise<Answer<T>> {
  const session = await sessionOf(client);
  // supabase-js would ask as nobody: the person would be told that they may not see this.
  if (session.error !== null && session.error.code === 'unreachable') return session;
  try {
    const { data, error, status } = await query;
    if (error !== null) return { data: null, error: toServiceError(error, status) };
    return parse(data, schema);
  } catch (error) {
    return { data: null, error: toServiceError(error) };
  }
}

/** Parses what the caller hands in, then goes on with it. */
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

/** The first of the rows, or that there is none. */
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

/** `status`: 0 where nothing was answered. */
function toServiceError(error: unknown, status = 0): ServiceError {
  const parsed = databaseError.safeParse(error);
  const { message, code, details, hint }: z.infer<typeof databaseError> = parsed.success
    ? parsed.data
    : { message: status === 0 ? 'The database cannot be reached.' : `The database answered ${status}.` };
  return {
    message,
    // supabase-js has none for a failure of fetch, nor for what a gateway answered in the database's place.
    code: code || (status === 0 ? 'unreachable' : 'unexpected_answer'),
    ...(status !== 0 && { status }),
    ...(details && { details }),
    ...(hint && { hint }),
  };
}
