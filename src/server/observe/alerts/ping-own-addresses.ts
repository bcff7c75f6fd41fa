import { z } from 'zod';
import { stopwatch } from '../../clock.ts';
import type { OwnDeployment } from '../../deliver/own-deployment.ts';
import type { Store } from '../../store/store.ts';
import { sendPing, type PingSender } from '../send-ping.ts';

/**
 * Every five minutes, sends a signed ping over the whole path of a webhook to each of our own addresses, and stores the
 * results. So a broken path is noticed even while no report arrives.
 * @throws {DatabaseUnavailable}
 */
export async function pingOwnAddresses(pinger: Store & PingSender & OwnDeployment): Promise<void> {
  if (!(await pinger.rpc('claim_ping', {}, z.boolean()))) return;
  const results = await Promise.all(
    pinger.webhookBaseUrls.map(async (base) => {
      const elapsed = stopwatch(pinger.monotonicNow);
      const { finding, received, status } = await sendPing(pinger, base);
      const ok = received !== undefined;
      return {
        address: new URL(base).host,
        ok,
        duration_ms: elapsed(),
        status,
        error: ok ? null : finding.message,
      };
    }),
  );
  await pinger.rpc('record_ping_results', { p_results: results }, z.null());
}
