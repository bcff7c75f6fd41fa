import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { RetryAnswer, RetryRequest } from '../../contracts/retry.ts';
import { claimedDelivery } from './delivery.ts';
import { notifyReportCompletion } from './notify-report-completion.ts';
import { deliveryLeaseSeconds, type Notifier } from './send-delivery.ts';

const claim = z.discriminatedUnion('outcome', [
  z.object({ outcome: z.literal('claimed'), delivery: claimedDelivery }),
  z.object({
    outcome: z.enum([
      'already_succeeded',
      'delivery_busy',
      'delivery_closed',
      'delivery_not_found',
      'report_not_found',
    ]),
  }),
]);

type Retried =
  | { outcome: RetryAnswer['outcome'] }
  | { outcome: 'delivery_busy' | 'delivery_closed' | 'delivery_not_found' | 'report_not_found' }
  | { outcome: 'delivery_failed'; detail: string };

/** Sends a delivery now, due or not, with one POST: that of an event, or else a report's latest one (of that type). */
export async function retryDelivery(
  sender: Notifier,
  { report_type, report_id, webhook_type, event_id }: RetryRequest,
): Promise<Retried> {
  const parameters = {
    p_report_type: report_type,
    p_report_id: report_id,
    p_endpoint_id: webhook_type,
    p_lease_seconds: deliveryLeaseSeconds(sender.timeoutMs),
    p_event_id: event_id,
    p_claim_id: randomUUID(),
  };
  const claimed = await sender.rpc('claim_report_delivery', parameters, claim);
  if (claimed.outcome !== 'claimed') return claimed;
  const { round } = await notifyReportCompletion(sender, claimed.delivery, 0);
  // Only our own endpoints are retried by report; their answer has the event's outcome.
  if (round.outcome !== null) return { outcome: round.outcome };
  return { outcome: 'delivery_failed', detail: round.attempts.at(-1)?.error ?? 'no attempt was made' };
}
