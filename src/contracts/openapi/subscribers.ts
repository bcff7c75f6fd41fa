import { z } from 'zod';
import {
  changeEndpointRequest,
  checkedEndpoint,
  createdEndpoint,
  createEndpointRequest,
  ENDPOINT_ACTIONS,
  endpointAnswer,
  endpointDetails,
  endpointList,
  endpointQuery,
  endpointsQuery,
  eventsAnswer,
  eventsQuery,
  explainRequest,
  explanation,
  filterTest,
  filterTestRequest,
  replacedSecret,
  replacedToken,
  replaceSecretRequest,
  versionTest,
  versionTestRequest,
} from '../subscribers.ts';
import { OF_BODIES, OF_OPERATORS, type Paths } from './operation.ts';

const [oneEndpoint, allEndpoints] = endpointsQuery.options;
const [pageOfEvents, oneEvent] = eventsQuery.options;
const BODY_LIMIT = 'The body has at most 1 MiB.';

export const SUBSCRIBER_PATHS: Paths = {
  '/api/endpoints': {
    get: {
      id: 'listEndpoints',
      tag: 'Subscribers',
      summary: 'List subscribers, or show one',
      description:
        'With `endpoint_id` the answer is that subscriber and its last 100 revisions. `removed=true` lists removed ones too. The two exclude each other.',
      callers: ['operator', 'cron'],
      query: allEndpoints.extend(oneEndpoint.partial().shape),
      answers: {
        200: {
          description: 'The subscribers, newest first, or one of them.',
          schema: z.union([endpointList, endpointDetails]),
        },
      },
      problems: [...OF_OPERATORS, 'invalid_query', 'endpoint_not_found'],
      isForPages: true,
    },
    post: {
      id: 'createEndpoint',
      tag: 'Subscribers',
      summary: 'Create a subscriber',
      description: `It is \`unverified\` until its first check has passed. The same \`request_id\` again answers the same subscriber. The cron is refused with \`forbidden\`. ${BODY_LIMIT}`,
      callers: ['operator'],
      body: { schema: createEndpointRequest },
      answers: {
        200: {
          description: 'The same request was made before: neither secret nor token is shown.',
          schema: endpointAnswer,
        },
        201: {
          description: 'Secret and read token are shown in this answer only.',
          schema: createdEndpoint,
        },
      },
      problems: [
        ...OF_BODIES,
        ...OF_OPERATORS,
        'idempotency_conflict',
        'too_many_endpoints',
        'endpoint_secrets_key_missing',
      ],
      isForPages: true,
    },
    patch: {
      id: 'changeEndpoint',
      tag: 'Subscribers',
      summary: 'Change the settings of a subscriber',
      description: `All settings are replaced. \`revision\` is the one that was read. ${BODY_LIMIT}`,
      callers: ['operator'],
      query: endpointQuery,
      body: { schema: changeEndpointRequest },
      answers: { 200: { description: 'The subscriber.', schema: endpointAnswer } },
      problems: [...OF_BODIES, ...OF_OPERATORS, 'invalid_query', 'endpoint_not_found', 'revision_conflict'],
      isForPages: true,
    },
    delete: {
      id: 'removeEndpoint',
      tag: 'Subscribers',
      summary: 'Remove a subscriber for good',
      description: 'Waiting deliveries are cancelled; the secrets and the read token become invalid.',
      callers: ['operator'],
      query: endpointQuery,
      answers: { 200: { description: 'The subscriber.', schema: endpointAnswer } },
      problems: [...OF_OPERATORS, 'invalid_query', 'endpoint_not_found'],
      isForPages: true,
    },
  },
  '/api/endpoints/actions': {
    post: {
      id: 'actOnEndpoint',
      tag: 'Subscribers',
      summary: 'Check, pause or resume a subscriber, and more',
      description:
        'Body and answer depend on `action`. `pause`, `resume`, `check` and `token` need no body; `secret` takes `overlap_seconds`, ' +
        '`filter-test` a filter, `version-test` a format version, `explain` an event id. `filter-test` alone needs no `endpoint_id`. ' +
        `The cron is refused with \`forbidden\`. ${BODY_LIMIT}`,
      callers: ['operator'],
      query: z.object({ action: z.enum(ENDPOINT_ACTIONS) }).extend(oneEndpoint.partial().shape),
      body: {
        schema: z.union([replaceSecretRequest, filterTestRequest, versionTestRequest, explainRequest]),
        isOptional: true,
      },
      answers: {
        200: {
          description: 'The result of the action.',
          schema: z.union([
            endpointAnswer,
            checkedEndpoint,
            replacedSecret,
            replacedToken,
            filterTest,
            versionTest,
            explanation,
          ]),
        },
      },
      problems: [
        ...OF_BODIES,
        ...OF_OPERATORS,
        'invalid_query',
        'endpoint_not_found',
        'event_not_found',
        'endpoint_unverified',
        'endpoint_secret_unreadable',
        'too_many_checks',
        'endpoint_secrets_key_missing',
      ],
      isForPages: true,
    },
  },
  '/api/endpoints/events': {
    get: {
      id: 'readEvents',
      tag: 'Subscribers',
      summary: 'Read what a subscriber was or will be sent',
      description:
        'In the order in which events were committed. Hand `next` back as `after`. A page has at most `limit` events and 1 MiB of bodies, or a single event. With `event_id`, alone, the answer is that event in full.',
      callers: ['subscriber'],
      query: pageOfEvents.extend(oneEvent.partial().shape),
      answers: { 200: { description: 'The events.', schema: eventsAnswer } },
      problems: ['unauthorized', 'invalid_query', 'event_not_found', 'content_erased', 'content_unsendable'],
    },
  },
};
