import { z } from 'zod';
import {
  CHANNELS,
  DEAD_REASONS,
  DELIVERY_STATUSES,
  OUTWARD_EVENT_TYPES,
  OUTWARD_STATUSES,
  SUBSCRIBER_STATES,
} from './constants.ts';
import { CODINGS, COMPRESSIONS } from './compression.ts';
import { probe } from './endpoint-checks.ts';
import { filter, type Filter } from './filters.ts';
import {
  BODIES,
  DEFAULT_FORMAT_VERSION,
  FORMAT_VERSIONS,
  formatVersion,
  versionDate,
} from './format-versions.ts';
import { rowTime } from './paging.ts';
import { storableText } from './text.ts';
import { timestamp } from './timestamp.ts';
import { eventId, reportId, reportType, stage } from './webhooks.ts';

/** Id of a subscriber. Generated, so that it never equals the id of one of our own endpoints. */
export const subscriberId = z.string().regex(/^ep-[a-z0-9]{16}$/, { error: 'must be ep- and 16 of a-z 0-9' });

/**
 * `every`: each event. `latest`: of several events that wait for one report, only the newest is sent; the others are
 * superseded.
 */
export const MODES = ['every', 'latest'] as const;
export const MAX_RATE_PER_SECOND = 1000;
const MAX_DESCRIPTION_CHARACTERS = 500;

function listOf<T extends z.ZodType>(item: T, most: number) {
  return z.array(item).min(1).max(most).optional();
}

/** Which events a subscriber gets: those that match all members. An omitted member matches every event. */
export const eventSelection = z.strictObject({
  types: listOf(z.enum(OUTWARD_EVENT_TYPES), OUTWARD_EVENT_TYPES.length),
  report_types: listOf(reportType, 20),
  stages: listOf(stage, 2),
  statuses: listOf(z.enum(OUTWARD_STATUSES), OUTWARD_STATUSES.length),
  /** Only events of reports that this user owns when the event takes effect. */
  owner_id: reportId.optional(),
  /** Superseded events too. */
  superseded: z.boolean().default(false),
});

/** Settings of a subscriber by an operator. A change replaces all of them. */
export const subscriberSettings = z.strictObject({
  /** The server also checks the URL against SUBSCRIBER_HOSTS. */
  url: storableText.min(1).max(2000),
  description: storableText.trim().max(MAX_DESCRIPTION_CHARACTERS).default(''),
  events: eventSelection.prefault({}),
  filter: filter.nullable().default(null),
  format_version: formatVersion.default(DEFAULT_FORMAT_VERSION),
  body: z.enum(BODIES).default('full'),
  mode: z.enum(MODES).default('every'),
  rate_per_second: z.int().min(1).max(MAX_RATE_PER_SECOND).nullable().default(null),
  /** In use only after a check has found that the subscriber decompresses it. */
  compression: z.enum(COMPRESSIONS).default('none'),
});
export type SubscriberSettings = z.infer<typeof subscriberSettings>;
export type SubscriberSettingsInput = z.input<typeof subscriberSettings>;

/** The API's name of a version, converted from the number in SQL's answers. */
const shownVersion = z
  .union([
    formatVersion,
    z
      .int()
      .min(0)
      .max(FORMAT_VERSIONS.length - 1),
  ])
  .transform((version) => (typeof version === 'number' ? versionDate(version) : version))
  .pipe(formatVersion);

/** For display: settings that were valid once are shown even if today's rules differ. */
const shownSettings = z.object({
  url: z.string(),
  description: z.string(),
  events: z.object({
    types: z.array(z.string()).optional(),
    report_types: z.array(z.string()).optional(),
    stages: z.array(z.string()).optional(),
    statuses: z.array(z.string()).optional(),
    owner_id: z.string().optional(),
    superseded: z.boolean(),
  }),
  filter: z
    .custom<Filter>((value) => typeof value === 'object' && value !== null)
    .meta({ type: 'object' })
    .nullable(),
  format_version: shownVersion,
  body: z.enum(BODIES),
  mode: z.enum(MODES),
  rate_per_second: z.int().nullable(),
  compression: z.enum(COMPRESSIONS),
});
export type ShownSettings = z.infer<typeof shownSettings>;

/** A subscriber as operators see it. */
export const subscriberView = z.object({
  endpoint_id: z.string(),
  state: z.enum(SUBSCRIBER_STATES),
  /** Why the subscriber is in this state: `operator`, or what the system observed. */
  state_reason: z.string().nullable(),
  state_since: rowTime,
  /** When it first passed its check. */
  verified_at: rowTime.nullable(),
  failing_since: rowTime.nullable(),
  created_at: rowTime,
  created_by: z.string(),
  circuit_open_since: rowTime.nullable(),
  /** How many concurrent requests are allowed now. */
  in_flight_allowed: z.int(),
  revision: z.int(),
  revised_at: rowTime,
  /** Whether events make deliveries for it: not before its check has passed, and not before a start in the past has caught up. */
  takes_events: z.boolean(),
  settings: shownSettings,
  compression: z.object({
    /** The coding in use. Null: uncompressed, whatever the settings ask for. */
    in_use: z.enum(CODINGS).nullable(),
    /** Since its last check with compression: when it refused a compressed body but accepted the same event uncompressed. */
    refused_at: rowTime.nullable(),
  }),
  secrets: z.array(z.object({ id: z.int(), created_at: rowTime, expires_at: rowTime.nullable() })),
  /** Deliveries that wait, counted up to 10,000. */
  waiting: z.int(),
  oldest_waiting_at: rowTime.nullable(),
  last_check: z
    .object({
      at: rowTime,
      actor: z.string(),
      /** Null: the check is running, or its function died. */
      passed: z.boolean().nullable(),
      probes: z.array(probe).nullable(),
    })
    .nullable(),
  filter_fault: z.object({ at: rowTime, event_id: z.string(), error: z.string() }).nullable(),
});
export type SubscriberView = z.infer<typeof subscriberView>;

/** One revision of a subscriber's settings. */
export const settingsRevision = z.object({
  revision: z.int(),
  at: rowTime,
  actor: z.string(),
  change: z.string(),
  takes_events: z.boolean(),
  settings: shownSettings,
});
export type SettingsRevision = z.infer<typeof settingsRevision>;

/** Query of `GET /api/endpoints`: one subscriber, or all. */
export const endpointsQuery = z.union([
  z.strictObject({ endpoint_id: subscriberId }),
  z.strictObject({ removed: z.literal('true').optional() }),
]);
/** Query of `PATCH` and `DELETE /api/endpoints`. */
export const endpointQuery = z.strictObject({ endpoint_id: subscriberId });

/** Answer of `GET /api/endpoints`. */
export const endpointList = z.object({ endpoints: z.array(subscriberView) });
export type EndpointList = z.infer<typeof endpointList>;
/** Answer of `GET /api/endpoints?endpoint_id=`; the newest revision first. */
export const endpointDetails = z.object({ endpoint: subscriberView, history: z.array(settingsRevision) });
export type EndpointDetails = z.infer<typeof endpointDetails>;
/** Answer of what changes a subscriber. */
export const endpointAnswer = z.object({ endpoint: subscriberView });
export type EndpointAnswer = z.infer<typeof endpointAnswer>;

/** Body of `POST /api/endpoints`. */
export const createEndpointRequest = z.strictObject({
  /** Chosen by the caller: a repeated request returns the same subscriber, without its secret. */
  request_id: z.uuid(),
  settings: subscriberSettings,
  /** Begins with events that took effect from then on. Default: events after its check. */
  start_at: timestamp.optional(),
});
export type CreateEndpointRequest = z.input<typeof createEndpointRequest>;
/** Answer 201. The secret and the token are never shown again. */
export const createdEndpoint = endpointAnswer.extend({ secret: z.string(), read_token: z.string() });
export type CreatedEndpoint = z.infer<typeof createdEndpoint>;

/** Body of `PATCH /api/endpoints?endpoint_id=`. */
export const changeEndpointRequest = z.strictObject({
  /** The revision that was read. If another one is in force, the change is a conflict. */
  revision: z.int().min(1),
  settings: subscriberSettings,
});
export type ChangeEndpointRequest = z.input<typeof changeEndpointRequest>;

/** `?action=` of `POST /api/endpoints/actions`. */
export const ENDPOINT_ACTIONS = [
  'pause',
  'resume',
  'check',
  'secret',
  'token',
  'filter-test',
  'version-test',
  'explain',
] as const;
export type EndpointAction = (typeof ENDPOINT_ACTIONS)[number];

/** Query of `POST /api/endpoints/actions`. */
export const actionQuery = z.union([
  // A filter is tested before its subscriber exists.
  z.strictObject({ action: z.literal('filter-test'), endpoint_id: subscriberId.optional() }),
  z.strictObject({
    action: z.enum(ENDPOINT_ACTIONS).exclude(['filter-test']),
    endpoint_id: subscriberId,
  }),
]);

export const DEFAULT_OVERLAP_SECONDS = 24 * 60 * 60;
const MAX_OVERLAP_SECONDS = 30 * 24 * 60 * 60;
/** Body of `secret`. */
export const replaceSecretRequest = z.strictObject({
  /** How long older secrets also sign; 0: they are void at once, for a leaked one. */
  overlap_seconds: z.int().min(0).max(MAX_OVERLAP_SECONDS).default(DEFAULT_OVERLAP_SECONDS),
});
export const replacedSecret = endpointAnswer.extend({ secret: z.string() });
export type ReplacedSecret = z.infer<typeof replacedSecret>;
export const replacedToken = endpointAnswer.extend({ read_token: z.string() });
export type ReplacedToken = z.infer<typeof replacedToken>;

/** Answer of `check`. */
export const checkedEndpoint = endpointAnswer.extend({ passed: z.boolean(), probes: z.array(probe) });
export type CheckedEndpointAnswer = z.infer<typeof checkedEndpoint>;

const MAX_TESTED_EVENTS = 100;
const testedEvents = z.int().min(1).max(MAX_TESTED_EVENTS).default(20);

const testedEvent = z.object({
  event_id: z.string(),
  type: z.string(),
  report_type: z.string(),
  report_id: z.string(),
  applied_at: rowTime,
});

/** Body of `filter-test`. Needs no subscriber: a filter is tested before it is saved. */
export const filterTestRequest = z.strictObject({ filter, limit: testedEvents });
export const filterTest = z.object({
  events: z.array(
    testedEvent.extend({
      /** SQL's decision, which is authoritative. */
      matches: z.boolean(),
      /** Path of the deciding clause, such as `all.1.exact.metadata.region`. */
      decided_by: z.string(),
      explanation: z.string(),
    }),
  ),
});
export type FilterTest = z.infer<typeof filterTest>;

/** Body of `version-test`. */
export const versionTestRequest = z.strictObject({ format_version: formatVersion, limit: testedEvents });
/**
 * What would change in the subscriber's last events. The compared bodies are without content, which is the same in every
 * version.
 */
export const versionTest = z.object({
  from: formatVersion,
  to: formatVersion,
  changes: z.array(
    z.object({
      /** Path of a member: `data.position`. */
      path: z.string(),
      /** Number of events in which it differs. */
      events: z.int(),
      /** JSON of the first one, truncated; null: the body has no such member. */
      before: z.string().nullable(),
      after: z.string().nullable(),
    }),
  ),
  events: z.array(testedEvent.extend({ before: z.string(), after: z.string() })),
});
export type VersionTest = z.infer<typeof versionTest>;

/** Body of `explain`. */
export const explainRequest = z.strictObject({ event_id: eventId });

/** Why a subscriber did or did not get an event. */
export const FAN_OUT_REASONS = [
  'delivered',
  'sending',
  'scheduled',
  'waits_for_earlier',
  'paused',
  'circuit_open',
  'dead_letter',
  'cancelled',
  'superseded_by_newer',
  'imported',
  'no_effect_yet',
  'not_there_yet',
  'removed',
  'unverified',
  'catching_up',
  'bulk',
  'superseded_effect',
  'type',
  'report_type',
  'stage',
  'status',
  'owner',
  'filter',
  'filter_fault',
  'content_erased',
  'delivery_missing',
] as const;

const explainedDelivery = z.object({
  delivery_id: z.int(),
  /** 0: live; else the replay that made it. */
  plan: z.int(),
  status: z.enum(DELIVERY_STATUSES),
  attempts: z.int(),
  dead_reason: z.enum(DEAD_REASONS).nullable(),
  format_version: shownVersion,
  /** The event of the same report that must be sent first. */
  waits_for: z.string().nullable(),
  last_attempt: rowTime.nullable(),
  next_attempt: rowTime.nullable(),
});

export const explanation = z.object({
  reason: z.enum(FAN_OUT_REASONS),
  /** The reason as a sentence. */
  sentence: z.string(),
  event: z.object({
    id: z.string(),
    type: z.string(),
    report_type: z.string(),
    report_id: z.string(),
    stage: z.string().nullable(),
    status: z.string(),
    channel: z.enum(CHANNELS).nullable(),
    effect: z.enum(['applied', 'superseded']).nullable(),
    position: z.int().nullable(),
    applied_at: rowTime.nullable(),
    bulk: z.boolean(),
    erased_at: rowTime.nullable(),
  }),
  /** The settings in force for the event; null: there were none. */
  revision: z.int().nullable(),
  settings: shownSettings.nullable(),
  /** The clause of the filter that decided; null: there was no filter, or it can no longer be determined. */
  decided_by: z.string().nullable(),
  deliveries: z.array(explainedDelivery),
});
export type Explanation = z.infer<typeof explanation>;

const MAX_READ_EVENTS = 100;
/** Query of `GET /api/endpoints/events`: a list, or one complete event. */
export const eventsQuery = z.union([
  z.strictObject({
    /** `next` of the last answer. Default: from the first event on. */
    after: z.string().max(100).optional(),
    limit: z.coerce.number().int().min(1).max(MAX_READ_EVENTS).default(50),
  }),
  z.strictObject({ event_id: eventId }),
]);

/** An event that the subscriber of a read token was or will be sent. */
export const eventsAnswer = z.object({
  events: z.array(
    z.object({
      id: z.string(),
      position: z.int().nullable(),
      /** 0: live; else the replay that made it. */
      plan: z.int(),
      format_version: shownVersion,
      timestamp: rowTime,
      /** The bytes of the request, as text. Null: see `gone`. */
      body: z.string().nullable(),
      gone: z.enum(['content_erased', 'content_unsendable']).nullable(),
    }),
  ),
  /** Opaque. Null: no events yet. */
  next: z.string().nullable(),
  has_more: z.boolean(),
});
export type EventsAnswer = z.infer<typeof eventsAnswer>;
