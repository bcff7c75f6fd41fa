import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { FILTER_OPEN } from '../../../contracts/filters.ts';
import { versionNumber } from '../../../contracts/format-versions.ts';
import type { ProblemCode } from '../../../contracts/problem.ts';
import {
  changeEndpointRequest,
  createEndpointRequest,
  endpointQuery,
  endpointsQuery,
  settingsRevision,
  subscriberView,
  type CreatedEndpoint,
  type EndpointAnswer,
  type EndpointDetails,
  type EndpointList,
  type SubscriberSettings,
} from '../../../contracts/subscribers.ts';
import { CRON } from '../../auth/operators.ts';
import { answer, problem, type Issue, type ProblemExtras } from '../../http/problem.ts';
import { parseJsonBody } from '../../http/read-json.ts';
import type { RequestRecord } from '../../observe/audit.ts';
import { compileFilter } from '../filters/compile.ts';
import type { Result } from '../../http/operator-guard.ts';
import type { RetryServices } from '../retry-endpoint.ts';
import { mintReadToken, mintSecret, sealSecret } from './endpoint-secrets.ts';
import { readSubscriberUrl, type SubscriberRules } from './subscriber-url.ts';

export type EndpointServices = RetryServices & { subscriberRules: SubscriberRules };

/** Members of settings that are objects or arrays. */
const SETTINGS_OPEN = [
  'settings',
  'events',
  'types',
  'report_types',
  'stages',
  'statuses',
  'filter',
  ...FILTER_OPEN,
];

const notFound = z.object({ outcome: z.literal('endpoint_not_found') });
const created = z.union([
  z.object({ outcome: z.enum(['created', 'exists']), endpoint: subscriberView }),
  z.object({ outcome: z.enum(['too_many_endpoints', 'idempotency_conflict']) }),
]);
const changed = z.union([
  z.object({ outcome: z.enum(['changed', 'unchanged', 'revision_conflict']), endpoint: subscriberView }),
  notFound,
]);
const moved = z.union([
  z.object({ outcome: z.literal('moved'), endpoint: subscriberView }),
  z.object({ outcome: z.literal('endpoint_unverified') }),
  notFound,
]);

/** A refusal, to be answered and audited. */
export function refused(
  code: ProblemCode,
  extras: ProblemExtras = {},
  record: Partial<RequestRecord> = {},
): Result {
  return { response: problem(code, extras), record: { outcome: code, ...record } };
}

/** The result of a change. SQL has audited it in the same transaction. */
export function done(body: object, status = 200): Result {
  return { response: answer(body, { status }), record: null };
}

/** The same result, with the subscriber's id in its audit record. */
export function about(endpoint_id: string, result: Result): Result {
  return { ...result, record: result.record && { endpoint_id, ...result.record } };
}

/** Refuses the cron: the audit names the person who decided. */
export function byPerson(actor: string, work: () => Promise<Result>): Promise<Result> {
  return actor === CRON ? Promise.resolve(refused('forbidden')) : work();
}

export function queryOf(request: Request): Record<string, string> {
  return Object.fromEntries(new URL(request.url).searchParams);
}

/** One subscriber, even a removed one; undefined: unknown id. */
export async function findEndpoint({ rpc }: Pick<EndpointServices, 'rpc'>, endpointId: string) {
  const parameters = { p_endpoint_id: endpointId, p_with_removed: true };
  const [endpoint] = await rpc('list_endpoints', parameters, z.array(subscriberView));
  return endpoint;
}

/** `GET`: all subscribers, or one with the history of its settings. */
export async function showEndpoints(services: EndpointServices, request: Request): Promise<Result> {
  const query = endpointsQuery.safeParse(queryOf(request));
  if (!query.success) return refused('invalid_query');
  if (!('endpoint_id' in query.data)) {
    const parameters = { p_with_removed: query.data.removed === 'true' };
    const endpoints = await services.rpc('list_endpoints', parameters, z.array(subscriberView));
    return done({ endpoints } satisfies EndpointList);
  }
  const { endpoint_id } = query.data;
  const endpoint = await findEndpoint(services, endpoint_id);
  if (endpoint === undefined) return refused('endpoint_not_found');
  const parameters = { p_endpoint_id: endpoint_id };
  const history = await services.rpc('endpoint_history', parameters, z.array(settingsRevision));
  return done({ endpoint, history } satisfies EndpointDetails);
}

/** `POST`: creates a subscriber, with its secret and its read token, which are shown only in this answer. */
export async function createEndpoint(
  services: EndpointServices,
  request: Request,
  actor: string,
): Promise<Result> {
  const { endpointKeys } = services;
  if (endpointKeys.length === 0) return refused('endpoint_secrets_key_missing');
  const body = await parseJsonBody(request, createEndpointRequest, SETTINGS_OPEN);
  if (!body.ok) return { response: body.answer, record: { outcome: body.code } };
  const { request_id, settings, start_at } = body.value;
  const issues = issuesOfUrl(services, settings);
  if (start_at !== undefined && Date.parse(start_at) > services.now()) {
    issues.push({ path: 'start_at', message: 'must lie in the past' });
  }
  if (issues.length > 0) return refused('invalid_body', { issues });
  const endpointId = `ep-${randomBytes(8).toString('hex')}`;
  const secret = mintSecret();
  const { token, sha256 } = mintReadToken();
  const parameters = {
    p_request_id: request_id,
    ...settingsParameters(settings),
    p_endpoint_id: endpointId,
    p_sealed_secret: sealSecret(endpointKeys, endpointId, secret),
    p_read_token_sha256: sha256,
    p_actor: actor,
    p_start_at: start_at,
  };
  const outcome = await services.rpc('create_endpoint', parameters, created);
  switch (outcome.outcome) {
    case 'created': {
      const made = { endpoint: outcome.endpoint, secret, read_token: token };
      return done(made satisfies CreatedEndpoint, 201);
    }
    case 'exists':
      return done({ endpoint: outcome.endpoint } satisfies EndpointAnswer);
    case 'too_many_endpoints':
    case 'idempotency_conflict':
      return refused(outcome.outcome);
  }
}

/** `PATCH ?endpoint_id=`: replaces all settings, unless another operator has changed them since they were read. */
export async function changeEndpoint(
  services: EndpointServices,
  request: Request,
  actor: string,
): Promise<Result> {
  const query = endpointQuery.safeParse(queryOf(request));
  if (!query.success) return refused('invalid_query');
  const { endpoint_id } = query.data;
  return about(endpoint_id, await putInForce(services, endpoint_id, request, actor));
}

async function putInForce(
  services: EndpointServices,
  endpointId: string,
  request: Request,
  actor: string,
): Promise<Result> {
  const body = await parseJsonBody(request, changeEndpointRequest, SETTINGS_OPEN);
  if (!body.ok) return { response: body.answer, record: { outcome: body.code } };
  const { revision, settings } = body.value;
  const issues = issuesOfUrl(services, settings);
  if (issues.length > 0) return refused('invalid_body', { issues });
  const parameters = {
    p_endpoint_id: endpointId,
    p_revision: revision,
    ...settingsParameters(settings),
    p_change: 'changed',
    p_actor: actor,
  };
  const outcome = await services.rpc('change_endpoint', parameters, changed);
  switch (outcome.outcome) {
    case 'changed':
    case 'unchanged':
      return done({ endpoint: outcome.endpoint } satisfies EndpointAnswer);
    case 'revision_conflict':
      return refused('revision_conflict', {
        detail: `The revision in force is ${outcome.endpoint.revision}.`,
      });
    case 'endpoint_not_found':
      return refused('endpoint_not_found');
  }
}

/** `DELETE ?endpoint_id=`: removes a subscriber for good. A removed one is returned unchanged. */
export async function removeEndpoint(
  services: EndpointServices,
  request: Request,
  actor: string,
): Promise<Result> {
  const query = endpointQuery.safeParse(queryOf(request));
  if (!query.success) return refused('invalid_query');
  const { endpoint_id } = query.data;
  return about(endpoint_id, await moveEndpoint(services, endpoint_id, 'removed', actor));
}

/** Pauses, resumes or removes a subscriber. */
export async function moveEndpoint(
  { rpc }: Pick<EndpointServices, 'rpc'>,
  endpointId: string,
  state: 'paused' | 'active' | 'removed',
  actor: string,
): Promise<Result> {
  const parameters = { p_endpoint_id: endpointId, p_state: state, p_actor: actor };
  const outcome = await rpc('move_endpoint', parameters, moved);
  if (outcome.outcome !== 'moved') return refused(outcome.outcome);
  return done({ endpoint: outcome.endpoint } satisfies EndpointAnswer);
}

function issuesOfUrl({ subscriberRules }: EndpointServices, { url }: SubscriberSettings): Issue[] {
  const read = readSubscriberUrl(subscriberRules, url);
  return read.ok ? [] : [{ path: 'settings.url', message: read.fault }];
}

function settingsParameters({ format_version, ...settings }: SubscriberSettings) {
  const { filter } = settings;
  return {
    p_settings: { ...settings, format_version: versionNumber(format_version) },
    ...(filter !== null && { p_filter_path: compileFilter(filter) }),
  };
}
