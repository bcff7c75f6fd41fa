import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../clock.ts';
import { PLAIN_ANSWER } from '../http/read-start.ts';
import { classifyAnswer } from './classify-answer.ts';
import type { Attempt, ClaimedDelivery, Round } from './delivery.ts';
import { bypassHeaders, type OwnDeployment } from './own-deployment.ts';
import { post, type Posted } from './post.ts';
import type { WebhookKeys } from './secrets.ts';
import { sign } from './sign.ts';

export interface Sender extends OwnDeployment, Clock {
  fetch: typeof fetch;
  webhookKeys: WebhookKeys;
  /** How long one attempt may take, in milliseconds. */
  timeoutMs: number;
  /** From 0 to 1. */
  random: () => number;
}

const FIRST_BACKOFF_MS = 200;

/**
 * One round of attempts: a POST and, after a failure that came fast, up to `quickRetries` more with exponential backoff
 * and full jitter, all within one further timeout's time. After a time-out none: it would add load to a slow endpoint.
 *
 * Several addresses are tried in turn: after a failure the next one that was not tried yet follows at once, also after a
 * time-out, and the quick retries begin with the first again. Such a round counts once, as what it ended with: otherwise a
 * dead address would open the circuit of an endpoint that another address reaches.
 */
export async function callWebhook(
  sender: Sender,
  delivery: ClaimedDelivery,
  quickRetries: number,
): Promise<Round> {
  const addresses = sender.webhookBaseUrls;
  const attempts: Addressed[] = [];
  let deadline = Infinity;
  let hasTimedOut = false;
  for (let tried = 1; ; tried += 1) {
    const base = addresses[(tried - 1) % addresses.length] ?? addresses[0];
    const timeoutMs = Math.min(sender.timeoutMs, deadline - sender.monotonicNow());
    const { attempt, meaning, timedOut } = await postTo(sender, base, delivery, timeoutMs);
    attempts.push({ address: base, attempt });
    hasTimedOut ||= timedOut;
    const { result, outcome, retryAfterSeconds } = meaning;
    const retry = tried - addresses.length;
    const hasUntried = retry < 0;
    const isHopeless = hasTimedOut || retryAfterSeconds !== null || retry >= quickRetries;
    const ends = result === 'delivered' || result === 'refused' || (!hasUntried && isHopeless);
    if (deadline === Infinity) deadline = sender.monotonicNow() + sender.timeoutMs;
    const pauseMs = hasUntried ? 0 : sender.random() * FIRST_BACKOFF_MS * 2 ** retry;
    if (ends || sender.monotonicNow() + pauseMs >= deadline) {
      return { result, outcome, attempts: asRecorded(attempts), retryAfterSeconds };
    }
    await sleep(pauseMs);
  }
}

interface Addressed {
  address: string;
  attempt: Attempt;
}

/**
 * With one address each attempt counts; with several, the round counts as its last attempt, whose error names the earlier
 * ones.
 */
function asRecorded(attempts: readonly Addressed[]): Attempt[] {
  const last = attempts.at(-1);
  if (last === undefined || attempts.every(({ address }) => address === last.address)) {
    return attempts.map(({ attempt }) => attempt);
  }
  const earlier = attempts
    .slice(0, -1)
    .map(({ address, attempt: { status, duration_ms, error } }) => ({ address, status, duration_ms, error }));
  return [{ ...last.attempt, response: { ...last.attempt.response, address: last.address, earlier } }];
}

function postTo(sender: Sender, base: string, delivery: ClaimedDelivery, timeoutMs: number): Promise<Posted> {
  const { event_id, endpoint_id, trace_id } = delivery;
  const body = new TextEncoder().encode(delivery.body);
  // Only the endpoint's name may be appended to the configured address.
  const url = `${base}/${endpoint_id}`;
  return post(sender, {
    url,
    headers: {
      'content-type': 'application/json',
      ...PLAIN_ANSWER,
      ...sign(sender.webhookKeys, event_id, sender.now(), body),
      ...bypassHeaders(sender),
    },
    traceId: trace_id,
    timeoutMs,
    send: (headers, signal) =>
      // A redirect would send the signed result to an address that nobody configured.
      sender.fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal }),
    classify: (answer, text, unread) => classifyAnswer(answer, text, delivery, sender.now(), unread),
  });
}
