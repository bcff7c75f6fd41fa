import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import type { WebhookKeys } from './secrets.ts';

/** The signed headers of one attempt. */
interface SignedHeaders {
  'webhook-id': string;
  'webhook-timestamp': string;
  'webhook-signature': string;
}

/** Cached per key: OpenSSL would prepare a Buffer again at every call, which takes longer than hashing a short body. */
const keyObjects = new WeakMap<Buffer, KeyObject>();

function keyObjectOf(key: Buffer): KeyObject {
  const known = keyObjects.get(key);
  if (known !== undefined) return known;
  const made = createSecretKey(key);
  keyObjects.set(key, made);
  return made;
}

/** HMAC-SHA256 of `id.timestamp.body` (Standard Webhooks, "Signature scheme"). */
export function digest(key: Buffer, id: string, timestamp: string, body: Uint8Array): Buffer {
  return createHmac('sha256', keyObjectOf(key)).update(`${id}.${timestamp}.`).update(body).digest();
}

/**
 * Signs one attempt with the first key.
 * @param id the event id: without a dot, and the same on every attempt
 * @param now time of the attempt in milliseconds since the epoch, which differs between attempts
 */
export function sign(keys: WebhookKeys, id: string, now: number, body: Uint8Array): SignedHeaders {
  return signWithEach([keys[0]], id, now, body);
}

/** Like `sign`, but with every key: a receiver accepts any of its secrets, so one can be replaced by another. */
export function signWithEach(keys: WebhookKeys, id: string, now: number, body: Uint8Array): SignedHeaders {
  const timestamp = String(Math.floor(now / 1000));
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': keys
      .map((key) => `v1,${digest(key, id, timestamp, body).toString('base64')}`)
      .join(' '),
  };
}
