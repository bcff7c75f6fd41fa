import { versionDate } from '../../../contracts/format-versions.ts';
import type { Clock } from '../../clock.ts';
import { PLAIN_ANSWER } from '../../http/read-start.ts';
import { classifyAnswer } from '../classify-answer.ts';
import type { ClaimedDelivery, Round, Subscriber } from '../delivery.ts';
import { post } from '../post.ts';
import { parseWebhookSecret, type WebhookKeys } from '../secrets.ts';
import { signWithEach } from '../sign.ts';
import { openSecret, SecretUnreadable, type EndpointKeys } from './endpoint-secrets.ts';
import type { Outbound } from './outbound.ts';

export interface SubscriberSender extends Clock {
  outbound: Outbound;
  endpointKeys: EndpointKeys;
  /** How long one attempt may take, in milliseconds. */
  timeoutMs: number;
}

/**
 * One POST to a subscriber: no quick retry follows, since the durable schedule and the endpoint's own pace decide when the next
 * one is welcome. Any 2xx has delivered it; 410 is `failed` with its status, upon which the database pauses the endpoint.
 * @throws {SecretUnreadable} when one of the endpoint's secrets cannot be opened. Nothing was sent: unsigned, or signed with some
 *   of the secrets only, it would be refused by whoever has another one of them
 */
export async function callSubscriber(
  sender: SubscriberSender,
  delivery: Pick<ClaimedDelivery, 'event_id' | 'endpoint_id' | 'job_id' | 'trace_id' | 'body'>,
  subscriber: Subscriber,
): Promise<Round> {
  const { event_id, endpoint_id, job_id, trace_id } = delivery;
  const keys = openAll(sender.endpointKeys, endpoint_id, subscriber.sealed_secrets);
  const body = new TextEncoder().encode(delivery.body);
  const { attempt, meaning } = await post(sender, {
    url: subscriber.url,
    headers: {
      'content-type': 'application/json',
      ...PLAIN_ANSWER,
      ...signWithEach(keys, event_id, sender.now(), body),
      ...polarisHeaders(subscriber),
    },
    traceId: trace_id,
    timeoutMs: sender.timeoutMs,
    send: (headers, signal) => sender.outbound({ url: subscriber.url, headers, body, signal }),
    classify: (answer, text, unread) =>
      classifyAnswer(answer, text, { expects: 'any_2xx', job_id }, sender.now(), unread),
  });
  const { result, outcome, retryAfterSeconds } = meaning;
  return { result, outcome, attempts: [attempt], retryAfterSeconds };
}

/**
 * Every secret of an endpoint that is in use, the newest first: while one is rotated, both sign.
 * @throws {SecretUnreadable}
 */
export function openAll(keys: EndpointKeys, endpointId: string, sealed: readonly string[]): WebhookKeys {
  if (sealed.length === 0) throw new SecretUnreadable(null, 'the endpoint has no secret');
  return parseWebhookSecret(sealed.map((each) => openSecret(keys, endpointId, each)).join(' '));
}

/** What differs by delivery travels in headers: the body is a function of the event and the format version alone. */
function polarisHeaders({ format_version, position, plan, redriven }: Subscriber): Record<string, string> {
  return {
    'polaris-version': versionDate(format_version),
    ...(position !== null && { 'polaris-position': String(position) }),
    ...(plan > 0 && { 'polaris-replay': String(plan) }),
    ...(redriven && { 'polaris-redrive': 'true' }),
  };
}
