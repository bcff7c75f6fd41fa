import type { Store } from '../store/store.ts';
import { callWebhook, type Sender } from './call-webhook.ts';
import type { ClaimedDelivery, Round } from './delivery.ts';
import { directDatabaseUpdate, recordRound, type Recorded } from './record-round.ts';

export interface Sent {
  round: Round;
  recorded: Recorded;
}

/**
 * Signs and sends one round of a delivery that this process holds, and records what came of it: after a failure that
 * applies the event directly.
 * @throws {DatabaseUnavailable} when the round could not be recorded; a sweep finds the delivery when its lease ends
 */
export async function sendDelivery(
  sender: Sender & Store,
  delivery: ClaimedDelivery,
  quickRetries: number,
): Promise<Sent> {
  const round = await callWebhook(sender, delivery, quickRetries);
  const record = round.result === 'delivered' ? recordRound : directDatabaseUpdate;
  return { round, recorded: await record(sender, delivery, round) };
}

/** The longest pause between claiming a delivery and recording its round, apart from the sending itself. */
const MARGIN_SECONDS = 15;

/** A lease outlasts a whole round (two time-outs at most), so that it needs no renewal before each of its attempts. */
export function deliveryLeaseSeconds(timeoutMs: number): number {
  return Math.ceil((2 * timeoutMs) / 1000) + MARGIN_SECONDS;
}
