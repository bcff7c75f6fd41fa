import { z } from 'zod';
import {
  changeEndpointRequest,
  checkedEndpoint,
  createdEndpoint,
  createEndpointRequest,
  endpointAnswer,
  endpointDetails,
  endpointList,
  explainRequest,
  explanation,
  filterTest,
  filterTestRequest,
  replacedSecret,
  replacedToken,
  replaceSecretRequest,
  versionTest,
  versionTestRequest,
  type ChangeEndpointRequest,
  type CheckedEndpointAnswer,
  type CreateEndpointRequest,
  type EndpointAction,
  type EndpointAnswer,
  type EndpointDetails,
  type EndpointList,
  type Explanation,
  type FilterTest,
  type ReplacedSecret,
  type ReplacedToken,
  type VersionTest,
} from '../contracts/subscribers.ts';
import { callApi, withInput, type Answer, type CallOptions } from './answer.ts';
import type { DatabaseClient } from './database.ts';

/** All of these are for operators; others get `forbidden`. */

/** Subscribers, newest first. `withRemoved` includes removed ones. */
export function getSubscribers(
  client: DatabaseClient,
  { withRemoved }: { withRemoved: boolean },
  options: CallOptions = {},
): Promise<Answer<EndpointList>> {
  const path = `/endpoints${withRemoved ? '?removed=true' : ''}`;
  return callApi(client, endpointList, { method: 'GET', path }, options);
}

/** One subscriber with the revisions of its settings, newest first. */
export function getSubscriber(
  client: DatabaseClient,
  id: string,
  options: CallOptions = {},
): Promise<Answer<EndpointDetails>> {
  return callApi(client, endpointDetails, { method: 'GET', path: pathOf(id) }, options);
}

/** Only the first answer to a request contains the secret and the token. */
const made = z.union([createdEndpoint, endpointAnswer]);
type MadeSubscriber = z.infer<typeof made>;

export function createSubscriber(
  client: DatabaseClient,
  request: CreateEndpointRequest,
  options: CallOptions = {},
): Promise<Answer<MadeSubscriber>> {
  return withInput(createEndpointRequest, request, (body) =>
    callApi(client, made, { method: 'POST', path: '/endpoints', body }, options),
  );
}

/** `revision_conflict`: the settings were changed after the given revision. */
export function changeSubscriber(
  client: DatabaseClient,
  id: string,
  request: ChangeEndpointRequest,
  options: CallOptions = {},
): Promise<Answer<EndpointAnswer>> {
  return withInput(changeEndpointRequest, request, (body) =>
    callApi(client, endpointAnswer, { method: 'PATCH', path: pathOf(id), body }, options),
  );
}

/** Removes a subscriber for good: nothing more is sent, and waiting deliveries are cancelled. */
export function removeSubscriber(
  client: DatabaseClient,
  id: string,
  options: CallOptions = {},
): Promise<Answer<EndpointAnswer>> {
  return callApi(client, endpointAnswer, { method: 'DELETE', path: pathOf(id) }, options);
}

export function pauseSubscriber(
  client: DatabaseClient,
  id: string,
  options: CallOptions = {},
): Promise<Answer<EndpointAnswer>> {
  return act(client, 'pause', id, endpointAnswer, options);
}

export function resumeSubscriber(
  client: DatabaseClient,
  id: string,
  options: CallOptions = {},
): Promise<Answer<EndpointAnswer>> {
  return act(client, 'resume', id, endpointAnswer, options);
}

/** Sends the probes of a check, one after the other. May take a minute. */
export function checkSubscriber(
  client: DatabaseClient,
  id: string,
  options: CallOptions = {},
): Promise<Answer<CheckedEndpointAnswer>> {
  return act(client, 'check', id, checkedEndpoint, options);
}

/** @param overlapSeconds how long older secrets also sign; 0: they are void at once */
export function replaceSubscriberSecret(
  client: DatabaseClient,
  id: string,
  overlapSeconds: number,
): Promise<Answer<ReplacedSecret>> {
  return withInput(replaceSecretRequest, { overlap_seconds: overlapSeconds }, (body) =>
    act(client, 'secret', id, replacedSecret, { body }),
  );
}

/** Replaces the read token. The old token is void at once. */
export function replaceSubscriberToken(client: DatabaseClient, id: string): Promise<Answer<ReplacedToken>> {
  return act(client, 'token', id, replacedToken);
}

/** Tests a filter on the last events of all subscribers. */
export function testFilter(
  client: DatabaseClient,
  request: z.input<typeof filterTestRequest>,
): Promise<Answer<FilterTest>> {
  return withInput(filterTestRequest, request, (body) =>
    act(client, 'filter-test', undefined, filterTest, { body }),
  );
}

/** What another format version would change in a subscriber's last events. */
export function testVersion(
  client: DatabaseClient,
  id: string,
  request: z.input<typeof versionTestRequest>,
): Promise<Answer<VersionTest>> {
  return withInput(versionTestRequest, request, (body) =>
    act(client, 'version-test', id, versionTest, { body }),
  );
}

/** Why a subscriber did or did not get an event. */
export function explainEvent(
  client: DatabaseClient,
  id: string,
  eventId: string,
  options: CallOptions = {},
): Promise<Answer<Explanation>> {
  return withInput(explainRequest, { event_id: eventId }, (body) =>
    act(client, 'explain', id, explanation, { body, ...options }),
  );
}

function pathOf(id: string): string {
  return `/endpoints?${new URLSearchParams({ endpoint_id: id }).toString()}`;
}

function act<T>(
  client: DatabaseClient,
  action: EndpointAction,
  id: string | undefined,
  schema: z.ZodType<T>,
  { body = {}, ...options }: CallOptions & { body?: unknown } = {},
): Promise<Answer<T>> {
  const query = new URLSearchParams({ action, ...(id !== undefined && { endpoint_id: id }) });
  return callApi(
    client,
    schema,
    { method: 'POST', path: `/endpoints/actions?${query.toString()}`, body },
    options,
  );
}
