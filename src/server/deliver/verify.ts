import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { TOLERANCE_SECONDS } from '../../contracts/constants.ts';
import { eventId } from '../../contracts/webhooks.ts';
import type { WebhookKeys } from './secrets.ts';
import { digest } from './sign.ts';

declare const verified: unique symbol;

/** Bytes with a verified signature. Only this file can create one, so unverified bytes cannot reach the parser. */
export type VerifiedBody = Readonly<{
  /** The event id that was signed; null for the legacy header, which signs no id. */
  id: string | null;
  body: Uint8Array;
  /** Fingerprint of the key that verified the bytes: it identifies the key's senders without revealing the key. */
  sender: string;
  [verified]: true;
}>;

type Refusal = 'missing_signature' | 'invalid_signature' | 'timestamp_out_of_tolerance';
type Verification = { ok: true; request: VerifiedBody } | { ok: false; code: Refusal };

export interface VerificationKeys {
  keys: WebhookKeys;
  /** Set while requests of the platform's first version are still accepted. All keys verify, so that they can be rotated. */
  legacySecrets?: readonly string[];
}

const SHA256_BYTES = 32;
/** Limit of signatures per request: no rotation needs more, and each costs a hash for an unauthenticated caller. */
const MAX_SIGNATURES = 10;

/** The signature in a request's headers, before any key is tried. */
type Claim =
  | { form: 'webhook'; id: string; timestamp: string; candidates: Buffer[] }
  | { form: 'legacy'; secrets: readonly string[]; candidate: Buffer };

/**
 * Verifies the bytes of a request, before anything parses them.
 * @param now milliseconds since the epoch
 */
export function verify(
  keys: VerificationKeys,
  headers: Headers,
  body: Uint8Array,
  now: number,
): Verification {
  const read = readClaim(keys, headers, now);
  if (!read.ok) return read;
  if (read.claim.form === 'legacy') return verifyLegacy(read.claim, body);
  const { id, timestamp, candidates } = read.claim;
  let fitting: Buffer | undefined;
  for (const key of keys.keys) {
    const expected = digest(key, id, timestamp, body);
    // No early return: the time must not reveal which key or signature matched.
    for (const candidate of candidates) fitting = timingSafeEqual(expected, candidate) ? key : fitting;
  }
  return fitting === undefined
    ? refuse('invalid_signature')
    : accept(id, body, fingerprint('webhook', fitting));
}

/** Why a request is rejected whatever its body; null: the body decides. */
export function refusalOfHeaders(keys: VerificationKeys, headers: Headers, now: number): Refusal | null {
  const read = readClaim(keys, headers, now);
  return read.ok ? null : read.code;
}

function readClaim(
  keys: VerificationKeys,
  headers: Headers,
  now: number,
): { ok: true; claim: Claim } | { ok: false; code: Refusal } {
  const id = headers.get('webhook-id');
  const timestamp = headers.get('webhook-timestamp');
  const signature = headers.get('webhook-signature');
  if (id === null && timestamp === null && signature === null && keys.legacySecrets !== undefined) {
    return readLegacyClaim(keys.legacySecrets, headers);
  }
  if (!id || !timestamp || !signature) return refuse('missing_signature');
  if (!eventId.safeParse(id).success) return refuse('invalid_signature');
  if (!/^\d{1,12}$/.test(timestamp)) return refuse('timestamp_out_of_tolerance');
  if (Math.abs(Math.floor(now / 1000) - Number(timestamp)) > TOLERANCE_SECONDS) {
    return refuse('timestamp_out_of_tolerance');
  }
  const candidates = decodeSignatures(signature);
  if (candidates.length === 0) return refuse('invalid_signature');
  return { ok: true, claim: { form: 'webhook', id, timestamp, candidates } };
}

function decodeSignatures(header: string): Buffer[] {
  return header
    .split(' ')
    .slice(0, MAX_SIGNATURES)
    .filter((part) => part.startsWith('v1,'))
    .map((part) => Buffer.from(part.slice('v1,'.length), 'base64'))
    .filter((bytes) => bytes.length === SHA256_BYTES);
}

/** `X-Webhook-Signature: sha256=<hex HMAC of the body>`: without id and time, so without protection against replays. */
function readLegacyClaim(
  secrets: readonly string[],
  headers: Headers,
): { ok: true; claim: Claim } | { ok: false; code: Refusal } {
  const header = headers.get('x-webhook-signature');
  if (!header) return refuse('missing_signature');
  const hex = /^sha256=([0-9a-f]{64})$/i.exec(header)?.[1];
  if (hex === undefined) return refuse('invalid_signature');
  return { ok: true, claim: { form: 'legacy', secrets, candidate: Buffer.from(hex, 'hex') } };
}

function verifyLegacy(
  { secrets, candidate }: Extract<Claim, { form: 'legacy' }>,
  body: Uint8Array,
): Verification {
  let fitting: string | undefined;
  for (const secret of secrets) {
    const expected = createHmac('sha256', secret).update(body).digest();
    // No early return: the time must not reveal which secret matched.
    fitting = timingSafeEqual(expected, candidate) ? secret : fitting;
  }
  return fitting === undefined
    ? refuse('invalid_signature')
    : accept(null, body, fingerprint('legacy', fitting));
}

function accept(id: string | null, body: Uint8Array, sender: string): Verification {
  // The only place that marks bytes as verified.
  return { ok: true, request: { id, body, sender } as VerifiedBody };
}

const FINGERPRINT_CHARACTERS = 16;

/** A hash with a purpose of its own, so that it does not help to forge a signature. */
function fingerprint(kind: 'webhook' | 'legacy', key: Buffer | string): string {
  const hash = createHash('sha256').update(`polaris sender, ${kind} key\n`).update(key);
  return hash.digest('hex').slice(0, FINGERPRINT_CHARACTERS);
}

function refuse(code: Refusal): { ok: false; code: Refusal } {
  return { ok: false, code };
}

/** What the audit stores of a body that must not be stored. */
export function sha256Hex(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('hex');
}
