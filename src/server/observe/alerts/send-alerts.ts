import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { alertAt } from '../../../contracts/alerts.ts';
import type { AlertAddress } from '../../../contracts/env-values.ts';
import type { Clock } from '../../clock.ts';
import { classifyError } from '../../deliver/classify-error.ts';
import type { WebhookKeys } from '../../deliver/secrets.ts';
import { sign } from '../../deliver/sign.ts';
import { CallTrace } from '../../http/call-trace.ts';
import { PLAIN_ANSWER, readStart } from '../../http/read-start.ts';
import type { Store } from '../../store/store.ts';
import type { Log } from '../log.ts';
import { alertMessage, slackMessage } from './alert-message.ts';

export interface AlertSender extends Store, Clock {
  fetch: typeof fetch;
  log: Log;
  alertAddresses: readonly AlertAddress[];
  /** Undefined if every address takes Slack's format. */
  alertKeys: WebhookKeys | undefined;
  /** Address of the console. */
  consoleUrl: string;
}

const TIMEOUT_MS = 5_000;
const CONCURRENCY = 4;
const ANSWER_BYTES = 4_096;
/** Additional lease time for the database calls around the attempts. */
const SLACK_SECONDS = 20;

const claim = z.object({
  delivery: z.looseObject({ id: z.string(), lease_token: z.int(), alert: z.unknown() }).nullable(),
  dead: z.array(z.object({ id: z.string(), error: z.string().nullable() })),
});
type Claimed = NonNullable<z.infer<typeof claim>['delivery']>;

/**
 * Sends due alerts, each to the first address that answers 2xx, until none is due or the deadline is reached. The next sweep
 * sends the rest. Independent of the claims, limits and circuits of webhooks.
 * @throws {DatabaseUnavailable} if no alert can be claimed
 */
export async function sendAlerts(sender: AlertSender, deadline: number): Promise<void> {
  // A failed address moves to the end: otherwise it would cost every alert its time-out.
  const addresses = [...sender.alertAddresses];
  if (addresses.length === 0) return;
  const leaseSeconds = (addresses.length * TIMEOUT_MS) / 1000 + SLACK_SECONDS;

  async function work(): Promise<void> {
    while (sender.monotonicNow() < deadline) {
      const { delivery, dead } = await sender.rpc(
        'claim_alert_delivery',
        { p_lease_seconds: leaseSeconds, p_claim_id: randomUUID() },
        claim,
      );
      for (const { id, error } of dead) {
        sender.log('error', 'an alert was not delivered within a day; it is not retried any more', {
          delivery: id,
          error,
        });
      }
      if (delivery === null) return;
      const sent = await send(delivery);
      if ('error' in sent) {
        sender.log('error', 'an alert was not delivered; the next sweep retries it', {
          delivery: delivery.id,
          error: sent.error,
        });
      }
      await sender.rpc(
        'record_alert_attempt',
        {
          p_id: delivery.id,
          p_token: delivery.lease_token,
          p_delivered: 'host' in sent,
          ...('host' in sent ? { p_host: sent.host } : { p_error: sent.error }),
        },
        z.null(),
      );
    }
  }

  /** The host that accepted it, or why none did. */
  async function send(delivery: Claimed): Promise<{ host: string } | { error: string }> {
    const alert = alertAt.safeParse(delivery.alert);
    if (!alert.success) return { error: 'the stored alert does not match its schema' };
    const message = alertMessage(alert.data, sender.consoleUrl);
    const failures: string[] = [];
    for (const address of [...addresses]) {
      const failure = await post(sender, address, delivery.id, message);
      // Only the host: a path or query may contain credentials.
      const { host } = new URL(address.url);
      if (failure === null) return { host };
      failures.push(`${host} ${failure}`);
      addresses.push(...addresses.splice(addresses.indexOf(address), 1));
    }
    return { error: failures.join('; ') };
  }

  await Promise.all(Array.from({ length: CONCURRENCY }, work));
}

/** Why this address did not accept it; null: it did. */
async function post(
  sender: AlertSender,
  { url, form }: AlertAddress,
  id: string,
  message: ReturnType<typeof alertMessage>,
): Promise<string | null> {
  const body = new TextEncoder().encode(JSON.stringify(form === 'slack' ? slackMessage(message) : message));
  const trace = new CallTrace();
  try {
    const response = await trace.follow(() =>
      sender.fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...PLAIN_ANSWER,
          ...(form === 'signed' &&
            sender.alertKeys !== undefined &&
            sign(sender.alertKeys, id, sender.now(), body)),
        },
        body,
        redirect: 'manual',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      }),
    );
    // Stores only the status, since the receiver's text is not ours. The text must still be read: an unread answer can end
    // this process (see `readStart`).
    await readStart(response, ANSWER_BYTES);
    return response.ok ? null : `was answered ${response.status}`;
  } catch (error) {
    return classifyError(error, trace).error ?? 'no answer';
  }
}
