import type { Store } from '../store/store.ts';
import { callWebhook, type Sender } from './call-webhook.ts';
import type { ClaimedDelivery, Round } from './delivery.ts';
import { directDatabaseUpdate, recordRound, type Recorded } from './record-round.ts';
import { callSubscriber, type SubscriberSender } from './subscribers/call-subscriber.ts';

/** What it takes to send a delivery, wherever it goes, and to record what came of it. */
export type Notifier = Sender & SubscriberSender & Store;

export interface Notified {
  round: Round;
  recorded: Recorded;
}

/**
 * Signs and sends one round of a delivery that this process holds, and records what came of it: after a failure that
 * applies the event directly. To a subscriber one attempt is made, without quick retries.
 * @throws {SecretUnreadable} when a subscriber's secret cannot be opened: nothing was sent or recorded
 * @throws {DatabaseUnavailable} when the round could not be recorded; a sweep finds the delivery when its lease ends
 */
export async function notifyReportCompletion(
  sender: Notifier,
  delivery: ClaimedDelivery,
  quickRetries: number,
): Promise<Notified> {
  const { subscriber } = delivery;
  const round =
    subscriber === null
      ? await callWebhook(sender, delivery, quickRetries)
      : await callSubscriber(sender, delivery, subscriber);
  const record = round.result === 'delivered' ? recordRound : directDatabaseUpdate;
  return { round, recorded: await record(sender, delivery, round) };
}

/** The longest pause between claiming a delivery and recording its round, apart from the sending itself. */
const MARGIN_SECONDS = 15;

/** A lease outlasts a whole round (two time-outs at most), so that it needs no renewal before each of its attempts. */
export function deliveryLeaseSeconds(timeoutMs: number): number {
  return Math.ceil((2 * timeoutMs) / 1000) + MARGIN_SECONDS;
}
