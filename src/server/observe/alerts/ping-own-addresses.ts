import { z } from 'zod';
import { stopwatch } from '../../clock.ts';
import { siblingOf, type OwnDeployment } from '../../deliver/own-deployment.ts';
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
        address: shownAddress(base),
        ok,
        duration_ms: elapsed(),
        status,
        error: ok ? null : finding.message,
      };
    }),
  );
  await pinger.rpc('record_ping_results', { p_results: results }, z.null());
}

/** `polaris.example.com`; with the path, if there is one: several of our addresses may be on one host. */
function shownAddress(base: string): string {
  const { host, pathname } = new URL(base);
  return host + siblingOf(pathname, '').replace(/\/api$/, '');
}
