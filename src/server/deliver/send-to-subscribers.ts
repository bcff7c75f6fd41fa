import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { claimedDelivery } from './delivery.ts';
import { deliveryLeaseSeconds, sendDelivery, type Notifier } from './send-delivery.ts';

/** Deliveries that one process sends at once. */
const AT_ONCE = 20;
/** Events of a batch that are sent at once. */
const EVENTS_AT_ONCE = 5;
/** Well within the function's limit, several time-outs long. What is left by then is for the sweep. */
const BUDGET_MS = 60_000;

/**
 * Sends events that this process has just applied to their subscribers. Whoever has no room now, or does not answer, gets them from
 * the sweep, which also finds what a process leaves behind that dies here. It never throws.
 */
export async function sendToSubscribers(sender: Notifier, ...eventIds: string[]): Promise<void> {
  const deadline = sender.monotonicNow() + BUDGET_MS;
  const left = eventIds.values();
  const sendInTurn = async () => {
    for (const eventId of left) {
      try {
        await sendAll(sender, eventId, deadline);
      } catch (error) {
        sender.log('error', 'could not send to subscribers; the sweep will retry', { event: eventId, error });
      }
    }
  };
  await Promise.all(Array.from({ length: EVENTS_AT_ONCE }, sendInTurn));
}

async function sendAll(sender: Notifier, eventId: string, deadline: number): Promise<void> {
  while (sender.monotonicNow() < deadline) {
    const parameters = {
      p_event_id: eventId,
      p_lease_seconds: deliveryLeaseSeconds(sender.timeoutMs),
      p_claim_id: randomUUID(),
      p_limit: AT_ONCE,
    };
    const claimed = await sender.rpc('claim_event_deliveries', parameters, z.array(claimedDelivery));
    if (claimed.length === 0) return;
    await Promise.all(
      claimed.map((delivery) =>
        sendDelivery(sender, delivery, 0).catch((error: unknown) => {
          sender.log('error', 'could not record a delivery to a subscriber', { event: eventId, error });
        }),
      ),
    );
  }
}
