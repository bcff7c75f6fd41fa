import { z } from 'zod';
import { CHANNELS, OUTWARD_EVENT_TYPES, OUTWARD_STATUSES } from './constants.ts';
import {
  BODIES,
  FORMAT_VERSIONS,
  formatVersion,
  versionNumber,
  type Body,
  type FormatVersion,
} from './format-versions.ts';
import { CODINGS } from './compression.ts';
import { timestamp } from './timestamp.ts';
import { traceHeaders } from './trace.ts';
import { eventId, reportId, reportType, stage } from './webhooks.ts';

/** Headers of Standard Webhooks except the signature, which the OpenAPI document describes as credentials. */
export const signedHeaders = z.object({
  'webhook-id': eventId,
  'webhook-timestamp': z.string().regex(/^\d{1,15}$/),
});

/** Headers of an event sent to a subscriber. */
export const sentHeaders = signedHeaders.extend({
  'polaris-version': formatVersion,
  'polaris-position': z.string().regex(/^\d+$/).optional(),
  'polaris-replay': z.string().regex(/^\d+$/).optional(),
  'polaris-redrive': z.literal('true').optional(),
  ...traceHeaders.shape,
  'content-encoding': z.enum(CODINGS).optional(),
});

const facts = {
  job_id: z.string().nullable(),
  report_id: reportId,
  report_type: reportType,
  research_status: z.enum(OUTWARD_STATUSES).meta({ description: 'An edit is `completed`.' }),
  requested_at: timestamp,
};

/** What version 2 adds to version 1. */
const place = {
  position: z.int().nullable().meta({ description: 'Of the event in its report.' }),
  stage: stage.nullable(),
  channel: z.enum(CHANNELS).nullable().meta({ description: 'Who applied the event first.' }),
};

const object = z.record(z.string(), z.unknown());
/** Members are absent if the event has no value for them; `report.deleted` has none of them. */
const content = {
  full: {
    research_report: z.string().optional(),
    research_metadata: object.optional(),
    final_data: object.optional(),
  },
  thin: {
    content_url: z.string().optional().meta({ description: 'Path at which the event is read in full.' }),
  },
};
const error = z.string().optional().meta({ description: 'Why the job failed.' });

/** The body of an event in a version, full or thin, as `private.body_of()` in SQL composes it. */
function sentEvent(version: FormatVersion, body: Body) {
  const data = z.object({ ...facts, ...(versionNumber(version) >= 2 && place), ...content[body], error });
  if (version === '2024-01-01') return data;
  return z.object({ type: z.enum(OUTWARD_EVENT_TYPES), timestamp, data });
}

/** Every form in which an event is sent, newest first. */
export const SENT_EVENTS = FORMAT_VERSIONS.toReversed().flatMap(({ date }) =>
  BODIES.map((body) => ({ version: date, body, schema: sentEvent(date, body) })),
);
