import { CLOSED_DEAD_REASONS } from '../../contracts/constants.ts';
import type { DatabaseClient } from '../../services/database.ts';
import type { DeliveryQuery, OpenDelivery } from '../../contracts/console-deliveries.ts';
import { internalEndpoint } from '../../contracts/endpoints.ts';
import type { CappedCount } from '../../contracts/paging.ts';
import { getEventTimeline } from '../../services/audit.ts';
import { retryFailedWebhook } from '../../services/polarisReportsService.ts';
import { redriveDeadLetters } from '../../services/redrive.ts';
import { explain } from './errors.ts';

/** What came of one delivery. `none`: nothing was done, and nothing is wrong. */
export interface Outcome {
  kind: 'good' | 'none' | 'bad';
  word: string;
  detail?: string | undefined;
}

/** What can be done with one delivery. With many, a plan does it. */
export type DeliveryAction = (client: DatabaseClient, delivery: OpenDelivery) => Promise<Outcome>;

export function isDead({ dead_at }: OpenDelivery): boolean {
  return dead_at !== null;
}

/** A closed delivery can never succeed: a deleted report's has nowhere to go, one of erased content has nothing to send. */
export function canBeSent({ dead_reason }: OpenDelivery): boolean {
  return dead_reason === null || !CLOSED_DEAD_REASONS.has(dead_reason);
}

/** Only deliveries to our own endpoints: `POST /api/webhooks/retry` finds no others. */
export function canBeRetried(delivery: OpenDelivery): boolean {
  return internalEndpoint.safeParse(delivery.endpoint_id).success && canBeSent(delivery);
}

export function canBeRedriven(delivery: OpenDelivery): boolean {
  return isDead(delivery) && canBeSent(delivery);
}

/**
 * How many of those that match a filter can be sent, `rows` being the first of `total`. Null: it is not known before all
 * are read, since there may be closed ones among them.
 */
export function countSendable(
  { status, dead_reason }: DeliveryQuery,
  rows: readonly OpenDelivery[],
  hasMore: boolean,
  total: CappedCount,
): CappedCount | null {
  if (!hasMore) return { count: rows.filter(canBeSent).length, capped: false };
  const areDead = status === undefined || status === 'dead';
  const haveOtherReason = dead_reason !== undefined && !CLOSED_DEAD_REASONS.has(dead_reason);
  return areDead && !haveOtherReason ? null : total;
}

/** Sends it now, and waits for what comes of it. */
export const retry: DeliveryAction = async (client, { report_type, report_id, event_id }) => {
  const { data, error } = await retryFailedWebhook(client, { report_type, report_id, event_id });
  if (error !== null) return fault(error);
  switch (data.outcome) {
    case 'applied':
    case 'duplicate':
    case 'superseded':
      return { kind: 'good', word: 'delivered', detail: `The endpoint answered: ${data.outcome}.` };
    case 'already_succeeded':
      return { kind: 'none', word: 'nothing sent', detail: 'The delivery has already succeeded.' };
  }
};

/** Puts a dead letter back on its schedule. Its event may have others, at other endpoints: these stay. */
export const redrive: DeliveryAction = async (client, delivery) => {
  const { event_id, endpoint_id } = delivery;
  const { data, error } = await redriveDeadLetters(client, { event_ids: [event_id], endpoint_id });
  if (error !== null) return fault(error);
  // A subscriber may have replays of the event, which are dead letters too.
  return data.redriven > 0 ? backOnSchedule : afterRedrive(client, delivery);
};

const backOnSchedule: Outcome = {
  kind: 'good',
  word: 'back on schedule',
  detail: 'The next sweep sends the delivery, within a minute.',
};

/** The answer only counts: the reason for none is read from the event, which shows only its delivery to our own endpoint. */
async function afterRedrive(
  client: DatabaseClient,
  { event_id, endpoint_id }: OpenDelivery,
): Promise<Outcome> {
  if (!internalEndpoint.safeParse(endpoint_id).success) {
    return {
      kind: 'none',
      word: 'not redriven',
      detail: 'The delivery is no dead letter any more, is closed, or another process holds it.',
    };
  }
  const { data, error } = await getEventTimeline(client, event_id);
  if (error !== null) return fault(error);
  // Neither is a dead letter any more: what somebody else has delivered meanwhile, and what is to be sent.
  if (data.delivery?.status === 'success') {
    return { kind: 'none', word: 'not redriven', detail: 'The delivery has already succeeded.' };
  }
  if (data.delivery?.dead_at === null) return backOnSchedule;
  return {
    kind: 'none',
    word: 'not redriven',
    detail: 'The delivery is closed, or another process holds it.',
  };
}

function fault(error: { code: string }): Outcome {
  const { title, advice, detail } = explain(error);
  const isFailedAgain = error.code === 'delivery_failed';
  return { kind: 'bad', word: isFailedAgain ? 'failed again' : title, detail: detail ?? advice };
}
