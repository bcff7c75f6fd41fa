import { z } from 'zod';
import { explanation, type Explanation } from '../../../contracts/subscribers.ts';
import { rowTime } from '../../../contracts/paging.ts';
import { SUBSCRIBER_STATES } from '../../../contracts/constants.ts';
import { filterValuesAnswer, type Decision } from '../filters/evaluate.ts';

/** The answer of `explain_fan_out()`. */
export const fanOutFacts = explanation
  .pick({ event: true, revision: true, settings: true, deliveries: true })
  .extend({
    endpoint: z.object({
      state: z.enum(SUBSCRIBER_STATES),
      state_reason: z.string().nullable(),
      created_at: rowTime,
      verified_at: rowTime.nullable(),
      circuit_open_since: rowTime.nullable(),
    }),
    takes_events: z.boolean().nullable(),
    /** The change that made the revision in force. */
    change: z.string().nullable(),
    is_owner: z.boolean().nullable(),
    /** A deletion whose deliveries will be made by the next sweep. */
    is_pending: z.boolean(),
    filter_matches: z.boolean().nullable(),
    values: filterValuesAnswer.nullable(),
    fault: z.string().nullable(),
  });
export type FanOutFacts = z.infer<typeof fanOutFacts>;

type Why = Pick<Explanation, 'reason' | 'sentence'>;

/**
 * Explains in one sentence why a subscriber did or did not get an event: by its live delivery, else by its last replay, else
 * by the first reason, in the order of the fan-out's checks, why there is no delivery.
 * @param decision of the filter in force; null if there is none, or its values are erased
 * @param now milliseconds since the epoch
 */
export function explainFanOut(facts: FanOutFacts, decision: Decision | null, now: number): Why {
  const delivery = facts.deliveries.find(({ plan }) => plan === 0) ?? facts.deliveries.at(-1);
  return delivery === undefined ? whyNone(facts, decision) : whyDelivery(facts, delivery, now);
}

function why(reason: Why['reason'], sentence: string): Why {
  return { reason, sentence };
}

const DEAD: Record<string, string> = {
  attempts_exhausted: 'every attempt of its schedule failed',
  pause_expired: 'the endpoint was paused or down for too long',
  report_deleted: 'its report was deleted',
  content_erased: 'its content was erased',
  unsendable: 'its content cannot be sent',
};

function whyDelivery(
  { event, endpoint }: FanOutFacts,
  delivery: FanOutFacts['deliveries'][number],
  now: number,
): Why {
  const by = delivery.plan === 0 ? '' : ` by replay ${delivery.plan}`;
  if (delivery.status === 'success') {
    const at = delivery.last_attempt === null ? '' : ` at ${delivery.last_attempt}`;
    return why('delivered', `It was delivered${by}${at}, with attempt ${delivery.attempts}.`);
  }
  if (delivery.status === 'superseded') {
    return why('superseded_by_newer', 'A newer event of the same report was sent to this endpoint instead.');
  }
  if (delivery.status === 'cancelled') return why('cancelled', `${cancelledBy(event, endpoint, delivery)}.`);
  if (delivery.dead_reason !== null) {
    const cause = DEAD[delivery.dead_reason] ?? `the reason is ${delivery.dead_reason}`;
    return why(
      'dead_letter',
      `Its delivery${by} is a dead letter after ${delivery.attempts} attempts: ${cause}.`,
    );
  }
  if (endpoint.state === 'paused') {
    return why(
      'paused',
      `It waits: the endpoint is paused (${endpoint.state_reason ?? 'no reason given'}). The event is sent after the endpoint is resumed.`,
    );
  }
  if (delivery.waits_for !== null) {
    return why(
      'waits_for_earlier',
      `It waits for event ${delivery.waits_for} of the same report, which must be sent first.`,
    );
  }
  if (endpoint.circuit_open_since !== null) {
    return why(
      'circuit_open',
      `It waits: the endpoint failed, and its circuit has been open since ${endpoint.circuit_open_since}.`,
    );
  }
  if (delivery.status === 'sent') {
    return why('sending', 'It is being sent now. If its answer was lost, it is sent again.');
  }
  const due = delivery.next_attempt;
  if (due !== null && Date.parse(due) > now) {
    const said =
      delivery.attempts === 0 ? 'It has not been tried yet' : `Attempt ${delivery.attempts} failed`;
    return why('scheduled', `${said}; the next attempt is due at ${due}.`);
  }
  return why(
    'scheduled',
    'It is due. It waits for the rate limit of the endpoint or for its requests in flight.',
  );
}

function cancelledBy(
  event: FanOutFacts['event'],
  endpoint: FanOutFacts['endpoint'],
  { plan }: FanOutFacts['deliveries'][number],
): string {
  if (endpoint.state === 'removed') return 'The endpoint was removed before it was sent';
  if (event.erased_at !== null) return 'The content of the event was erased before it was sent';
  return plan === 0
    ? 'The report was deleted before it was sent'
    : `Replay ${plan} was cancelled, or the report was deleted, before it was sent`;
}

function whyNone(facts: FanOutFacts, decision: Decision | null): Why {
  return whyNotAsked(facts) ?? whyNotSelected(facts) ?? whyNotMatched(facts, decision);
}

/** Reasons that apply before the settings are checked. */
function whyNotAsked({ event, endpoint, revision, takes_events, change }: FanOutFacts): Why | undefined {
  const applied = event.applied_at ?? '';
  if (event.channel === 'import') {
    return why('imported', 'The event was imported: only a replay sends imported events.');
  }
  if (event.effect === null) return why('no_effect_yet', 'The event has not been applied yet.');
  if (revision === null) {
    return why(
      'not_there_yet',
      `The event was applied at ${applied}, before the endpoint was created at ${endpoint.created_at}.`,
    );
  }
  if (takes_events !== true) {
    if (change === 'removed') return why('removed', 'The endpoint was removed when the event was applied.');
    const isVerified =
      endpoint.verified_at !== null && Date.parse(endpoint.verified_at) <= Date.parse(applied);
    return isVerified
      ? why(
          'catching_up',
          'The endpoint was catching up with past events: its start sends the event, if its settings admit it.',
        )
      : why('unverified', 'The endpoint had not passed its check when the event was applied.');
  }
  if (event.bulk) {
    return why('bulk', 'The event was a bulk write (polaris.bulk), which is not sent to subscribers.');
  }
  return undefined;
}

/** The selection does not match the event. */
function whyNotSelected({ event, settings, is_owner }: FanOutFacts): Why | undefined {
  const events = settings?.events;
  if (events === undefined) return undefined;
  if (event.effect === 'superseded' && !events.superseded) {
    return why(
      'superseded_effect',
      'A newer event of the report superseded this one, and the endpoint takes only applied events.',
    );
  }
  const lists = [
    ['type', event.type, events.types, 'types'],
    ['report_type', event.report_type, events.report_types, 'report types'],
    ['stage', event.stage, events.stages, 'stages'],
    ['status', event.status, events.statuses, 'statuses'],
  ] as const;
  for (const [reason, value, admitted, words] of lists) {
    // A deletion goes to every subscriber that may have heard of the report, whatever its stages and statuses.
    if (event.type === 'report.deleted' && (reason === 'stage' || reason === 'status')) continue;
    if (admitted === undefined || (value !== null && admitted.includes(value))) continue;
    const name = reason.replace('_', ' ');
    return why(
      reason,
      `The ${name} of the event is ${value ?? 'absent'}, and the endpoint takes the ${words} ${admitted.join(', ')}.`,
    );
  }
  if (events.owner_id === undefined || is_owner === true) return undefined;
  return why(
    'owner',
    is_owner === null
      ? 'The endpoint takes only reports of one owner. The report was deleted, so its owner is unknown.'
      : 'The endpoint takes only reports of another owner.',
  );
}

function whyNotMatched(
  { event, settings, filter_matches, is_pending, fault }: FanOutFacts,
  decision: Decision | null,
): Why {
  const isFiltered = settings?.filter != null && event.type !== 'report.deleted';
  if (fault !== null) {
    return why('filter_fault', `The filter failed for this event, which counts as no match: ${fault}.`);
  }
  if (isFiltered && (filter_matches === null || decision === null)) {
    return why(
      'content_erased',
      'The filter of the endpoint decided. The content was erased since, so the deciding clause is unknown.',
    );
  }
  if (isFiltered && decision !== null && filter_matches === false) {
    const clause = decision.decided_by === '' ? '' : ` (clause ${decision.decided_by})`;
    return why('filter', `The filter of the endpoint${clause}: ${lowerFirst(decision.explanation)}`);
  }
  if (is_pending) return why('scheduled', 'The report was deleted: the next sweep makes the delivery.');
  return why(
    'delivery_missing',
    'The settings of the endpoint match the event, but it has no delivery: run npm run verify, and report this as a bug.',
  );
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
