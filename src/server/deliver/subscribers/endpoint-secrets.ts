import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { splitList } from '../../../contracts/env-values.ts';

/** One key of ENDPOINT_SECRETS_KEY. */
interface EndpointKey {
  id: string;
  /** 32 bytes. */
  key: Buffer;
}

/** The keys of ENDPOINT_SECRETS_KEY, in its order: the first one encrypts, and all decrypt. Empty if the variable is not set. */
export type EndpointKeys = readonly EndpointKey[];

/** @param value validated by `endpointSecretsKeys` */
export function parseEndpointKeys(value: string): EndpointKeys {
  return splitList(value).map((part) => {
    const [id = '', base64] = part.split(':');
    return { id, key: Buffer.from(base64 ?? '', 'base64') };
  });
}

/**
 * A stored secret cannot be decrypted: nothing can be sent to its endpoint until the key is set again or the secret is
 * replaced.
 */
export class SecretUnreadable extends Error {
  override name = 'SecretUnreadable';
  /** Id of the key that encrypted it; null: the value is malformed. */
  readonly keyId: string | null;

  constructor(keyId: string | null, message: string) {
    super(message);
    this.keyId = keyId;
  }
}

const SCHEME = 'v1';
const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const SEALED = /^v1\.([A-Za-z0-9_-]{1,32})\.([A-Za-z0-9_-]{16})\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{22})$/;

/**
 * Encrypts a secret of an endpoint: `v1.<key id>.<nonce>.<ciphertext>.<tag>`, the last three in base64url. The endpoint is
 * bound to the value, so it cannot be decrypted if it is copied to another endpoint's row.
 */
export function sealSecret(keys: EndpointKeys, endpointId: string, secret: string): string {
  const [first] = keys;
  if (first === undefined) throw new Error('ENDPOINT_SECRETS_KEY is not set: no secret can be stored');
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, first.key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(boundTo(first.id, endpointId));
  const ciphertext = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
  const parts = [nonce, ciphertext, cipher.getAuthTag()].map((part) => part.toString('base64url'));
  return [SCHEME, first.id, ...parts].join('.');
}

/** @throws {SecretUnreadable} naming the key, but never the secret */
export function openSecret(keys: EndpointKeys, endpointId: string, sealed: string): string {
  const [, keyId, nonce, ciphertext, tag] = SEALED.exec(sealed) ?? [];
  if (keyId === undefined || nonce === undefined || ciphertext === undefined || tag === undefined) {
    throw new SecretUnreadable(null, 'the encrypted secret is malformed');
  }
  const key = keys.find(({ id }) => id === keyId)?.key;
  if (key === undefined) {
    throw new SecretUnreadable(
      keyId,
      `ENDPOINT_SECRETS_KEY has no key "${keyId}", which encrypted the secret`,
    );
  }
  const decipher = createDecipheriv(CIPHER, key, Buffer.from(nonce, 'base64url'), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(boundTo(keyId, endpointId));
  decipher.setAuthTag(Buffer.from(tag, 'base64url'));
  try {
    return Buffer.concat([decipher.update(ciphertext, 'base64url'), decipher.final()]).toString('utf8');
  } catch {
    throw new SecretUnreadable(
      keyId,
      `the key "${keyId}" of ENDPOINT_SECRETS_KEY does not open the secret: the key was changed under its id, or the value is of another endpoint`,
    );
  }
}

function boundTo(keyId: string, endpointId: string): Buffer {
  return Buffer.from(`polaris endpoint secret\n${SCHEME}\n${keyId}\n${endpointId}`);
}

const SECRET_BYTES = 32;

/** A new secret of an endpoint, in the form of Standard Webhooks. Shown once. */
export function mintSecret(): string {
  return `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`;
}

const TOKEN_PREFIX = 'pet_';

/** A new read token (`pet_`: Polaris endpoint token), shown once; only its hash is stored. */
export function mintReadToken(): { token: string; sha256: string } {
  const token = `${TOKEN_PREFIX}${randomBytes(SECRET_BYTES).toString('base64url')}`;
  return { token, sha256: readTokenHash(token) };
}

/** Whether a bearer token has the form of a read token. */
export function isReadToken(bearer: string): boolean {
  return /^pet_[A-Za-z0-9_-]{43}$/.test(bearer);
}

/** The hash under which a read token is stored, in hexadecimal digits. 32 random bytes need no slow hash. */
export function readTokenHash(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
