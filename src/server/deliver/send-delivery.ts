import { z } from 'zod';
import type { Log } from '../observe/log.ts';
import type { Store } from '../store/store.ts';
import { callWebhook, type Sender } from './call-webhook.ts';
import type { ClaimedDelivery, Round } from './delivery.ts';
import { directDatabaseUpdate, recordRound, type Recorded, type RecordRound } from './record-round.ts';
import { callSubscriber, type SubscriberSender } from './subscribers/call-subscriber.ts';
import { SecretUnreadable } from './subscribers/endpoint-secrets.ts';

/** The services for sending a delivery and recording its outcome. */
export type Notifier = Sender & SubscriberSender & Store & { log: Log };

export interface Sent {
  round: Round;
  recorded: Recorded;
}

/**
 * Signs and sends one round of a delivery that this process holds, and records the outcome. A failure to our own endpoint is
 * recorded with the direct update. A subscriber gets one attempt, without quick retries.
 * @param recordDelivered records a delivered round
 * @throws {DatabaseUnavailable} if the round could not be recorded; a sweep recovers the delivery when its lease expires
 */
export async function sendDelivery(
  sender: Notifier,
  delivery: ClaimedDelivery,
  quickRetries: number,
  recordDelivered: RecordRound = (sent, round) => recordRound(sender, sent, round),
): Promise<Sent> {
  const round = await callEndpoint(sender, delivery, quickRetries);
  const recorded =
    round.result === 'delivered'
      ? await recordDelivered(delivery, round)
      : await directDatabaseUpdate(sender, delivery, round);
  return { round, recorded };
}

async function callEndpoint(
  sender: Notifier,
  delivery: ClaimedDelivery,
  quickRetries: number,
): Promise<Round> {
  const { subscriber, endpoint_id } = delivery;
  if (subscriber === null) return callWebhook(sender, delivery, quickRetries);
  try {
    return await callSubscriber(sender, delivery, subscriber);
  } catch (error) {
    if (!(error instanceof SecretUnreadable)) throw error;
    // One of our keys is missing, so neither the event nor the endpoint is at fault: pause the endpoint, so that no event is
    // lost.
    sender.log('error', 'a subscriber is paused: its secret cannot be decrypted', {
      endpoint: endpoint_id,
      error,
    });
    await sender.rpc('pause_unreadable_endpoint', { p_endpoint_id: endpoint_id }, z.unknown());
    return { result: 'failed', outcome: null, attempts: [], retryAfterSeconds: null };
  }
}

/** Time for claiming a delivery and recording its round, in addition to sending. */
const MARGIN_SECONDS = 15;

/** A lease outlasts a whole round (at most two time-outs), so it is not renewed before each attempt. */
export function deliveryLeaseSeconds(timeoutMs: number): number {
  return Math.ceil((2 * timeoutMs) / 1000) + MARGIN_SECONDS;
}
