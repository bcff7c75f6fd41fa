import { CLOSED_DEAD_REASONS } from '../contracts/constants.ts';
import type { DatabaseClient } from '../services/database.ts';
import type { DeliveryPage, DeliveryQuery, OpenDelivery } from '../contracts/console-deliveries.ts';
import { MAX_PAGE_ROWS, type CappedCount, type Cursor } from '../contracts/paging.ts';
import { getEventTimeline } from '../services/audit.ts';
import { getReportsWithFailedWebhooks, retryFailedWebhook } from '../services/polarisReportsService.ts';
import { redriveDeadLetters } from '../services/redrive.ts';
import { explain } from './errors.ts';
import { unwrap } from './unwrap.ts';

/** What came of one delivery. `none`: nothing was done, and nothing is wrong. */
export interface Outcome {
  kind: 'good' | 'none' | 'bad';
  word: string;
  detail?: string | undefined;
}

/** What can be done with deliveries, so many in one call; answers an outcome for each, in their order. */
export interface DeliveryAction {
  perCall: number;
  run: (client: DatabaseClient, deliveries: readonly OpenDelivery[]) => Promise<Outcome[]>;
}

export const RETRY: DeliveryAction = {
  perCall: 1,
  run: (client, deliveries) => Promise.all(deliveries.map((delivery) => retry(client, delivery))),
};

export const REDRIVE: DeliveryAction = { perCall: 50, run: redrive };

export function isDead({ dead_at }: OpenDelivery): boolean {
  return dead_at !== null;
}

/** A closed delivery can never succeed: a deleted report's has nowhere to go, one of erased content has nothing to send. */
export function canBeSent({ dead_reason }: OpenDelivery): boolean {
  return dead_reason === null || !CLOSED_DEAD_REASONS.has(dead_reason);
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

/** All deliveries that match, read page by page. `onCount` is told how many there are so far. */
export async function collectMatching(
  client: DatabaseClient,
  query: DeliveryQuery,
  onCount: (count: number) => void,
  signal: AbortSignal,
): Promise<OpenDelivery[]> {
  const all: OpenDelivery[] = [];
  let cursor: Cursor | null = null;
  do {
    const page: DeliveryPage = await unwrap(
      getReportsWithFailedWebhooks(client, { ...query, cursor, limit: MAX_PAGE_ROWS }, { signal }),
    );
    all.push(...page.rows);
    onCount(all.length);
    cursor = page.next;
  } while (cursor !== null);
  return all;
}

async function retry(
  client: DatabaseClient,
  { report_type, report_id, event_id }: OpenDelivery,
): Promise<Outcome> {
  const { data, error } = await retryFailedWebhook(client, {
    report_type,
    report_id,
    event_id,
  });
  if (error !== null) return fault(error);
  switch (data.outcome) {
    case 'applied':
    case 'duplicate':
    case 'superseded':
      return { kind: 'good', word: 'delivered', detail: `The endpoint answered: ${data.outcome}.` };
    case 'already_succeeded':
      return { kind: 'none', word: 'nothing sent', detail: 'It has been delivered already.' };
  }
}

async function redrive(client: DatabaseClient, deliveries: readonly OpenDelivery[]): Promise<Outcome[]> {
  const event_ids = deliveries.map(({ event_id }) => event_id);
  const { data, error } = await redriveDeadLetters(client, { event_ids });
  if (error !== null) return deliveries.map(() => fault(error));
  if (data.redriven === deliveries.length) return deliveries.map(() => backOnSchedule);
  // The answer only counts: which of them it were is asked of each.
  return Promise.all(event_ids.map((id) => afterRedrive(client, id)));
}

const backOnSchedule: Outcome = {
  kind: 'good',
  word: 'back on schedule',
  detail: 'The next sweep sends it, within a minute.',
};

async function afterRedrive(client: DatabaseClient, eventId: string): Promise<Outcome> {
  const { data, error } = await getEventTimeline(client, eventId);
  if (error !== null) return fault(error);
  // Neither is a dead letter any more: what somebody else has delivered meanwhile, and what is to be sent.
  if (data.delivery?.status === 'success') {
    return { kind: 'none', word: 'not redriven', detail: 'It has been delivered already.' };
  }
  if (data.delivery?.dead_at === null) return backOnSchedule;
  return { kind: 'none', word: 'not redriven', detail: 'It is closed, or another process holds it now.' };
}

function fault(error: { code: string }): Outcome {
  const { title, advice, detail } = explain(error);
  const isFailedAgain = error.code === 'delivery_failed';
  return { kind: 'bad', word: isFailedAgain ? 'failed again' : title, detail: detail ?? advice };
}
