import { z } from 'zod';
import { alertEvent } from '../alerts.ts';
import { OUTWARD_EVENT_TYPES } from '../constants.ts';
import { checkAnswer, checkPing } from '../endpoint-checks.ts';
import { SENT_EVENTS, sentHeaders, signedHeaders } from '../sent-events.ts';

/** A request that this system makes: one entry of `webhooks`. */
export interface Sent {
  id: string;
  summary: string;
  description: string;
  headers: z.ZodObject;
  body: z.ZodType;
  /** The answer by which a receiver confirms, if it has a schema. */
  answer?: z.ZodType;
}

const SIGNED =
  '`webhook-signature` is of Standard Webhooks. Answer any 2xx to confirm; a redirect is a failure.';

const SUMMARIES: Record<(typeof OUTWARD_EVENT_TYPES)[number], string> = {
  'report.prelim.completed': 'A prelim result has taken effect',
  'report.prelim.failed': 'A prelim job has failed',
  'report.final.completed': 'A final result has taken effect',
  'report.final.failed': 'A final job has failed',
  'report.owner.edited': 'An owner has edited a report',
  'report.deleted': 'A report was deleted: forget it',
};

const anyForm = z.union(SENT_EVENTS.map(({ schema }) => schema));

export const SENT: Readonly<Record<string, Sent>> = {
  ...Object.fromEntries(
    OUTWARD_EVENT_TYPES.map((type) => [
      type,
      {
        id: `sent.${type}`,
        summary: SUMMARIES[type],
        description:
          `\`type\` is \`${type}\`. The form is that of \`polaris-version\`, full or thin as the subscriber asked; the flat form has no \`type\`. ` +
          `The bytes are the same on every attempt. A body of at least 1 KB may be compressed, where a check has passed it. ${SIGNED}`,
        headers: sentHeaders,
        body: anyForm,
      },
    ]),
  ),
  'polaris.ping': {
    id: 'sent.polaris.ping',
    summary: 'The check of a subscriber',
    description: `Repeat the nonce in the answer. ${SIGNED}`,
    headers: sentHeaders.pick({
      'webhook-id': true,
      'webhook-timestamp': true,
      'content-encoding': true,
    }),
    body: checkPing,
    answer: checkAnswer,
  },
  ...Object.fromEntries(
    (['firing', 'resolved'] as const).map((state) => [
      `alert.${state}`,
      {
        id: `sent.alert.${state}`,
        summary: state === 'firing' ? 'An alert fires' : 'An alert has resolved',
        description: `\`type\` is \`alert.${state}\`. Sent to \`ALERT_URLS\`, signed with \`ALERT_SECRET\`, until it is confirmed. ${SIGNED}`,
        headers: signedHeaders,
        body: alertEvent,
      },
    ]),
  ),
};
