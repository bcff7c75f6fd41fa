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
 * Answers that blame the request. To a compressed body they may mean that nobody there decompresses it: the signature does not
 * fit, it is no JSON, or a firewall cannot look into it.
 */
const BLAMES_REQUEST: ReadonlySet<number | null> = new Set([400, 401, 403, 415, 422]);

/**
 * One POST to a subscriber: no quick retry follows, since the durable schedule and the endpoint's own pace decide when the next
 * one is welcome. Any 2xx has delivered it; 410 is `failed` with its status, upon which the database pauses the endpoint.
 *
 * A compressed body that is refused is sent uncompressed at once. Where that is delivered, the database stops compressing for
 * this endpoint (`private.observe_subscriber()`), so that nothing is lost or late because of a setting.
 * @throws {SecretUnreadable} when one of the endpoint's secrets cannot be opened. Nothing was sent: unsigned, or signed with some
 *   of the secrets only, it would be refused by whoever has another one of them
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
