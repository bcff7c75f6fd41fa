import type { ClaimedDelivery } from './delivery.ts';
import type { RecordRound } from './record-round.ts';
import { sendDelivery, type Notifier, type Sent } from './send-delivery.ts';
import { sendToSubscribers } from './send-to-subscribers.ts';

/**
 * Sends one round of an event's delivery. Where that failed, so that the record of it has applied the event directly, its
 * subscribers are sent to here; otherwise our own endpoint does.
 * @throws {DatabaseUnavailable} when the round could not be recorded; a sweep finds the delivery when its lease ends
 */
export async function notifyReportCompletion(
  sender: Notifier,
  delivery: ClaimedDelivery,
  quickRetries: number,
  recordDelivered?: RecordRound,
): Promise<Sent> {
  const sent = await sendDelivery(sender, delivery, quickRetries, recordDelivered);
  if (sent.recorded.outward) await sendToSubscribers(sender, sent.recorded.outward);
  return sent;
}
