import { setTimeout as sleep } from 'node:timers/promises';
import { toStorable } from '../../contracts/text.ts';
import { classifyAnswer, classifyError, type Meaning } from './classify-answer.ts';
import type { Attempt, ClaimedDelivery, Round } from './delivery.ts';
import type { WebhookKeys } from './secrets.ts';
import { sign } from './sign.ts';

export interface Sender {
  fetch: typeof fetch;
  webhookKeys: WebhookKeys;
  /** Ends in `/api/webhooks`; only the endpoint's name is ever appended. */
  webhookBaseUrl: string;
  /** How long one attempt may take, in milliseconds. */
  timeoutMs: number;
  /** Milliseconds since the epoch. */
  now: () => number;
  /** From 0 to 1. */
  random: () => number;
}

const FIRST_BACKOFF_MS = 200;
/** What is read of an answer: ours has a few hundred bytes, and that of another system must not fill our memory. */
const ANSWER_BYTES = 16 * 1024;
const EXCERPT_CHARACTERS = 1000;

/**
 * One round of attempts: a POST and, after a failure that came fast, up to `quickRetries` more with exponential backoff
 * and full jitter, all within one further timeout's time. After a time-out none: it would add load to a slow endpoint.
 */
export async function callWebhook(
  sender: Sender,
  delivery: ClaimedDelivery,
  quickRetries: number,
): Promise<Round> {
  const attempts: Attempt[] = [];
  let deadline = Infinity;
  for (let retry = 0; ; retry += 1) {
    const timeoutMs = Math.min(sender.timeoutMs, deadline - sender.now());
    const { attempt, meaning, timedOut } = await post(sender, delivery, timeoutMs);
    attempts.push(attempt);
    const { result, outcome, retryAfterSeconds } = meaning;
    const ends = result === 'delivered' || result === 'refused' || timedOut || retryAfterSeconds !== null;
    if (deadline === Infinity) deadline = sender.now() + sender.timeoutMs;
    const pauseMs = sender.random() * FIRST_BACKOFF_MS * 2 ** retry;
    if (ends || retry >= quickRetries || sender.now() + pauseMs >= deadline) {
      return { result, outcome, attempts, retryAfterSeconds };
    }
    await sleep(pauseMs);
  }
}

async function post(
  sender: Sender,
  delivery: ClaimedDelivery,
  timeoutMs: number,
): Promise<{ attempt: Attempt; meaning: Meaning; timedOut: boolean }> {
  const started = sender.now();
  const elapsed = () => sender.now() - started;
  const { event_id, endpoint_id } = delivery;
  const body = new TextEncoder().encode(delivery.body);
  try {
    const answer = await sender.fetch(`${sender.webhookBaseUrl}/${endpoint_id}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...sign(sender.webhookKeys, event_id, started, body) },
      body,
      // A redirect would take the signed result to where nobody configured it to go.
      redirect: 'manual',
      signal: AbortSignal.timeout(Math.max(1, Math.ceil(timeoutMs))),
    });
    const text = await readStart(answer);
    const meaning = classifyAnswer(answer, text, delivery, sender.now());
    const response = { body: toStorable(text.slice(0, EXCERPT_CHARACTERS)) };
    const { error, authentic } = meaning;
    const attempt = { status: answer.status, duration_ms: elapsed(), error, authentic, response };
    return { attempt, meaning, timedOut: false };
  } catch (error) {
    const { timedOut, ...meaning } = classifyError(error);
    const attempt = {
      status: null,
      duration_ms: elapsed(),
      error: meaning.error,
      authentic: false,
      response: null,
    };
    return { attempt, meaning, timedOut };
  }
}

async function readStart(answer: Response): Promise<string> {
  const decoder = new TextDecoder();
  const reader = answer.body?.getReader();
  let text = '';
  let bytes = 0;
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
    if (done) return text + decoder.decode();
    text += decoder.decode(value, { stream: true });
    bytes += value.byteLength;
    if (bytes > ANSWER_BYTES) {
      await reader?.cancel();
      return text;
    }
  }
}
