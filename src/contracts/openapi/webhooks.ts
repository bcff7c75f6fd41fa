import { z } from 'zod';
import { pingAnswer, pingEnvelope } from '../health.ts';
import { signedHeaders } from '../sent-events.ts';
import { traceHeaders } from '../trace.ts';
import {
  batchAnswer,
  MAX_BATCH_EVENTS,
  receivedBatchEvent,
  receivedEnvelope,
  receivedFlatBody,
  webhookAnswer,
} from '../webhooks.ts';
import { CODINGS } from '../compression.ts';
import { OF_BODIES, type Operation, type Paths } from './operation.ts';

const OF_SIGNED = [
  ...OF_BODIES,
  'missing_signature',
  'invalid_signature',
  'timestamp_out_of_tolerance',
  'invalid_compression',
  'rate_limited',
] as const;

const LIMITS =
  'The body has at most 1 MiB and 100 levels. With `Content-Encoding: gzip` or `zstd` it has at most 256 KB compressed and 1 MiB decompressed. ' +
  '`webhook-timestamp` is at most 5 minutes off.';

const encoded = z.object({
  'content-encoding': z.enum(CODINGS).optional().meta({ description: 'Absent: the body is not compressed.' }),
});
const headers = traceHeaders.extend(encoded.shape).extend(signedHeaders.shape);
/** Headers that requests with the legacy signature do not have. */
const headersOrLegacy = traceHeaders.extend(encoded.shape).extend(signedHeaders.partial().shape);

function receive(stage: 'prelim' | 'final'): Operation {
  return {
    id: `receive${stage === 'prelim' ? 'Prelim' : 'Final'}`,
    tag: 'Webhooks',
    summary: `Receive a ${stage} result`,
    description:
      `\`type\` names the stage \`${stage}\` and ends with \`research_status\`. A completed event has a text that is not blank. ` +
      'The same event again is answered `duplicate`; its id with other content is a conflict.\n\n' +
      'The flat body of the first version has no `type` and no `timestamp`. It is accepted for known jobs, and is deprecated.\n\n' +
      LIMITS,
    callers: ['signature', 'legacySignature'],
    headers: headersOrLegacy,
    body: { schema: z.union([receivedEnvelope, receivedFlatBody]) },
    answers: { 200: { description: 'The event is stored.', schema: webhookAnswer } },
    problems: [
      ...OF_SIGNED,
      'unexpected_event_type',
      'requested_in_future',
      'report_not_found',
      'job_not_found',
      'event_conflict',
      'job_conflict',
      'job_mismatch',
      'job_cancelled',
    ],
    headersOfAll: ['Deprecation', 'Sunset'],
  };
}

export const WEBHOOK_PATHS: Paths = {
  '/api/webhooks/prelim-report': { post: receive('prelim') },
  '/api/webhooks/final-report': { post: receive('final') },
  '/api/webhooks/batch': {
    post: {
      id: 'receiveBatch',
      tag: 'Webhooks',
      summary: 'Receive up to 100 results',
      description:
        'One signature for the whole. `webhook-id` is an id of the batch, and nothing else depends on it. Each event is answered for itself: an event that is ' +
        'refused harms no other. Flat bodies are not accepted.\n\n' +
        LIMITS,
      callers: ['signature'],
      headers,
      // The function validates each event separately, with this schema.
      body: { schema: z.object({ events: z.array(receivedBatchEvent).min(1).max(MAX_BATCH_EVENTS) }) },
      answers: { 200: { description: 'One answer for each event, in their order.', schema: batchAnswer } },
      problems: OF_SIGNED,
    },
  },
  '/api/ping': {
    post: {
      id: 'receivePing',
      tag: 'Webhooks',
      summary: 'Receive a signed ping',
      description: `Verified, parsed and answered as a webhook is. Only one row of figures changes.\n\n${LIMITS}`,
      callers: ['signature'],
      headers: headers.omit({ traceparent: true }),
      body: { schema: pingEnvelope },
      answers: { 200: { description: 'Function and database have answered.', schema: pingAnswer } },
      problems: OF_SIGNED,
    },
  },
};
