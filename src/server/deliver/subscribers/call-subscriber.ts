import { MIN_COMPRESSED_BYTES, type Coding } from '../../../contracts/compression.ts';
import { versionDate } from '../../../contracts/format-versions.ts';
import type { Clock } from '../../clock.ts';
import { PLAIN_ANSWER } from '../../http/read-start.ts';
import { classifyAnswer } from '../classify-answer.ts';
import { compress } from '../compress.ts';
import type { ClaimedDelivery, Round, Subscriber } from '../delivery.ts';
import { post, type Posted } from '../post.ts';
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
 * Statuses that blame the request. For a compressed body they may mean that the receiver does not decompress it: the
 * signature does not match, it is not JSON, or a firewall cannot inspect it.
 */
const BLAMES_REQUEST: ReadonlySet<number | null> = new Set([400, 401, 403, 415, 422]);

/**
 * One POST to a subscriber, without quick retries: the durable schedule and the endpoint's own pace decide about the next
 * one. Any 2xx is delivered; 410 is `failed` with its status, and the database then pauses the endpoint.
 *
 * If a compressed body is refused, it is sent uncompressed at once. If that is delivered, the database stops compressing for
 * this endpoint (`private.observe_subscriber()`), so a wrong setting causes neither loss nor delay.
 * @throws {SecretUnreadable} if one of the endpoint's secrets cannot be decrypted. Nothing was sent: receivers with that
 *   secret would refuse a request that is unsigned or signed only by the other secrets.
 */
export async function callSubscriber(
  sender: SubscriberSender,
  delivery: Pick<ClaimedDelivery, 'event_id' | 'endpoint_id' | 'job_id' | 'trace_id' | 'body'>,
  subscriber: Subscriber,
): Promise<Round> {
  const keys = openAll(sender.endpointKeys, delivery.endpoint_id, subscriber.sealed_secrets);
  const body = new TextEncoder().encode(delivery.body);
  const coding = body.byteLength < MIN_COMPRESSED_BYTES ? null : subscriber.compression;
  const first = await postBody(sender, delivery, subscriber, { keys, body, coding });
  if (coding === null || !BLAMES_REQUEST.has(first.attempt.status)) return roundOf([first]);
  return roundOf([first, await postBody(sender, delivery, subscriber, { keys, body, coding: null })]);
}

function roundOf(posted: readonly [Posted, ...Posted[]]): Round {
  const { result, outcome, retryAfterSeconds } = (posted.at(-1) ?? posted[0]).meaning;
  return { result, outcome, attempts: posted.map(({ attempt }) => attempt), retryAfterSeconds };
}

async function postBody(
  sender: SubscriberSender,
  { event_id, job_id, trace_id }: Pick<ClaimedDelivery, 'event_id' | 'job_id' | 'trace_id'>,
  subscriber: Subscriber,
  { keys, body, coding }: { keys: WebhookKeys; body: Uint8Array; coding: Coding | null },
): Promise<Posted> {
  const sent = coding === null ? body : await compress(coding, body);
  return post(sender, {
    url: subscriber.url,
    headers: {
      'content-type': 'application/json',
      ...(coding !== null && { 'content-encoding': coding }),
      ...PLAIN_ANSWER,
      ...signWithEach(keys, event_id, sender.now(), body),
      ...polarisHeaders(subscriber),
    },
    traceId: trace_id,
    timeoutMs: sender.timeoutMs,
    send: (headers, signal) => sender.outbound({ url: subscriber.url, headers, body: sent, signal }),
    classify: (answer, text, unread) =>
      classifyAnswer(answer, text, { expects: 'any_2xx', job_id }, sender.now(), unread),
  });
}

/**
 * All secrets of an endpoint that are in use, newest first: during a rotation, both sign.
 * @throws {SecretUnreadable}
 */
export function openAll(keys: EndpointKeys, endpointId: string, sealed: readonly string[]): WebhookKeys {
  if (sealed.length === 0) throw new SecretUnreadable(null, 'the endpoint has no secret');
  return parseWebhookSecret(sealed.map((each) => openSecret(keys, endpointId, each)).join(' '));
}

/** Values that differ between deliveries are sent as headers: the body depends only on the event and the format version. */
function polarisHeaders({ format_version, position, plan, redriven }: Subscriber): Record<string, string> {
  return {
    'polaris-version': versionDate(format_version),
    ...(position !== null && { 'polaris-position': String(position) }),
    ...(plan > 0 && { 'polaris-replay': String(plan) }),
    ...(redriven && { 'polaris-redrive': 'true' }),
  };
}
