import type { Log } from '../observe/log.ts';
import type { Store } from '../store/store.ts';
import type { Sender } from './call-webhook.ts';
import type { ClaimedDelivery } from './delivery.ts';
import { sendDelivery, type Sent } from './send-delivery.ts';
import { sendToSubscribers } from './send-to-subscribers.ts';

/**
 * Sends one round of an event's delivery to our own endpoint. Where that failed, so that the record of it has applied the event
 * directly, its subscribers are sent to here; otherwise our endpoint does.
 * @throws {DatabaseUnavailable} when the round could not be recorded; a sweep finds the delivery when its lease ends
 */
export async function notifyReportCompletion(
  sender: Sender & Store & { log: Log },
  delivery: ClaimedDelivery,
  quickRetries: number,
): Promise<Sent> {
  const sent = await sendDelivery(sender, delivery, quickRetries);
  if (sent.recorded.outward) await sendToSubscribers(sender, delivery.event_id);
  return sent;
}
