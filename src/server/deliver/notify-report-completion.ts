import type { ClaimedDelivery } from './delivery.ts';
import type { RecordRound } from './record-round.ts';
import { sendDelivery, type Notifier, type Sent } from './send-delivery.ts';
import { sendToSubscribers } from './send-to-subscribers.ts';

/**
 * Sends one round of a delivery. If it failed, recording it has applied the event directly: then this function sends the
 * event to its subscribers, which otherwise our own endpoint does.
 * @throws {DatabaseUnavailable} if the round could not be recorded; a sweep recovers the delivery when its lease expires
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
