import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { claimedDelivery } from './delivery.ts';
import { deliveryLeaseSeconds, sendDelivery, type Notifier } from './send-delivery.ts';

/** Deliveries that one process sends concurrently. */
const AT_ONCE = 20;
/** Events of a batch that are sent concurrently. */
const EVENTS_AT_ONCE = 5;
/** Well within the function's time limit, and several time-outs long. The sweep sends the rest. */
const BUDGET_MS = 60_000;

/**
 * Sends events that this process has just applied to their subscribers. Deliveries that cannot be sent now, or that fail, are
 * left to the sweep, as are those of a process that dies here. Never throws.
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
