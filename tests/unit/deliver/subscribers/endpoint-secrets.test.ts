import { createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { endpointSecretsKeys } from '../../../../src/contracts/env-values.ts';
import {
  mintReadToken,
  mintSecret,
  openSecret,
  parseEndpointKeys,
  readTokenHash,
  sealSecret,
  SecretUnreadable,
} from '../../../../src/server/deliver/subscribers/endpoint-secrets.ts';

const a = `a:${Buffer.alloc(32, 1).toString('base64')}`;
const b = `b:${Buffer.alloc(32, 2).toString('base64')}`;
const keysOf = (value: string) => parseEndpointKeys(endpointSecretsKeys.parse(value));
const keys = keysOf(`${a} ${b}`);
const ENDPOINT = 'ep-0123456789abcdef';
const secret = mintSecret();

function unreadable(open: () => string): { keyId: string | null; message: string } {
  try {
    open();
  } catch (error) {
    if (error instanceof SecretUnreadable) return { keyId: error.keyId, message: error.message };
    throw error;
  }
  throw new Error('it was opened');
}

describe('a sealed secret', () => {
  it('is opened by the key that sealed it, which is the first', () => {
    const sealed = sealSecret(keys, ENDPOINT, secret);
    expect(sealed).toMatch(/^v1\.a\.[\w-]{16}\.[\w-]+\.[\w-]{22}$/);
    expect(sealed).not.toContain(secret.slice('whsec_'.length, -1));
    expect(openSecret(keys, ENDPOINT, sealed)).toBe(secret);
    expect(openSecret(keysOf(`${b} ${a}`), ENDPOINT, sealed)).toBe(secret);
    expect(sealed).toMatch(/^v1\.a\./);
  });

  it('is another value each time', () => {
    expect(sealSecret(keys, ENDPOINT, secret)).not.toBe(sealSecret(keys, ENDPOINT, secret));
  });

  it('is AES-256-GCM over the secret, with the scheme, the key’s id and the endpoint bound to it', () => {
    const [scheme, id, nonce = '', ciphertext = '', tag = ''] = sealSecret(keys, ENDPOINT, secret).split('.');
    const decipher = createDecipheriv('aes-256-gcm', Buffer.alloc(32, 1), Buffer.from(nonce, 'base64url'));
    decipher.setAAD(Buffer.from(`polaris endpoint secret\n${scheme}\n${id}\n${ENDPOINT}`));
    decipher.setAuthTag(Buffer.from(tag, 'base64url'));
    expect(decipher.update(ciphertext, 'base64url', 'utf8') + decipher.final('utf8')).toBe(secret);
  });

  it('of before is opened by what opens it today', () => {
    const sealed =
      'v1.a.AAECAwQFBgcICQoL.zM7mQ0OhZEuGAa6MbgWRkOSqD0m35x9pM6Ja6ePxX_UDtL7JJ7pxmmYhZvLMPQ.i-mShinwnBmYqMdcVUSX9g';
    expect(openSecret(keys, ENDPOINT, sealed)).toBe('whsec_b2xkIHNlY3JldCBvZiBhbiBvbGQgdmVyc2lvbg==');
  });

  it('cannot be opened without its key, whose id the error names', () => {
    const sealed = sealSecret(keys, ENDPOINT, secret);
    for (const others of [keysOf(b), []]) {
      expect(unreadable(() => openSecret(others, ENDPOINT, sealed))).toEqual({
        keyId: 'a',
        message: 'ENDPOINT_SECRETS_KEY has no key "a", which encrypted the secret',
      });
    }
  });

  it('cannot be opened by another key of the same id, for another endpoint, or when a bit of it has changed', () => {
    const sealed = sealSecret(keys, ENDPOINT, secret);
    const [scheme = '', id = '', ...parts] = sealed.split('.');
    const flipped = parts.map((_part, index) =>
      [
        scheme,
        id,
        ...parts.map((part, at) => {
          if (at !== index) return part;
          const bytes = Buffer.from(part, 'base64url');
          bytes[0] = (bytes[0] ?? 0) ^ 1;
          return bytes.toString('base64url');
        }),
      ].join('.'),
    );
    const tries = [
      () => openSecret(keysOf(`a:${randomBytes(32).toString('base64')}`), ENDPOINT, sealed),
      () => openSecret(keys, 'ep-0123456789abcdeg', sealed),
      ...flipped.map((value) => () => openSecret(keys, ENDPOINT, value)),
    ];
    expect(tries).toHaveLength(5);
    for (const open of tries) {
      const { keyId, message } = unreadable(open);
      expect(keyId).toBe('a');
      expect(message).toMatch(/^the key "a" of ENDPOINT_SECRETS_KEY does not open the secret/);
      expect(message).not.toContain(secret);
    }
    // Under the id of another key of ours.
    expect(unreadable(() => openSecret(keys, ENDPOINT, sealed.replace('v1.a.', 'v1.b.'))).keyId).toBe('b');
  });

  it.each(['', 'v2.a.x.y.z', secret, 'v1.a.AAAAAAAAAAAAAAAA..AAAAAAAAAAAAAAAAAAAAAA', 'v1.a.AAAA.AAAA.AAAA'])(
    'is refused when it is malformed: %j',
    (sealed) => {
      expect(unreadable(() => openSecret(keys, ENDPOINT, sealed))).toEqual({
        keyId: null,
        message: 'the encrypted secret is malformed',
      });
    },
  );

  it('cannot be made without a key', () => {
    expect(() => sealSecret([], ENDPOINT, secret)).toThrow('ENDPOINT_SECRETS_KEY is not set');
  });
});

describe('ENDPOINT_SECRETS_KEY', () => {
  it.each([
    ['no id', Buffer.alloc(32).toString('base64')],
    ['an empty id', `:${Buffer.alloc(32).toString('base64')}`],
    ['an id with a dot', `a.b:${Buffer.alloc(32).toString('base64')}`],
    ['an id that is too long', `${'a'.repeat(33)}:${Buffer.alloc(32).toString('base64')}`],
    ['a key that is too short', `a:${Buffer.alloc(31).toString('base64')}`],
    ['a key that is too long', `a:${Buffer.alloc(33).toString('base64')}`],
    ['a key that is no base64', `a:${'!'.repeat(44)}`],
    ['a comma between', `${a},${b}`],
    ['the same id twice', `${a} ${a}`],
  ])('is refused with %s, without its value', (_name, value) => {
    const { error } = endpointSecretsKeys.safeParse(value);
    expect(error?.issues).toHaveLength(1);
    expect(error?.message).not.toContain(Buffer.alloc(24).toString('base64'));
  });
});

describe('what is minted', () => {
  it('is a secret of Standard Webhooks with 32 random bytes', () => {
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(mintSecret()).not.toBe(secret);
  });

  it('is a read token, of which the hash is stored', () => {
    const { token, sha256 } = mintReadToken();
    expect(token).toMatch(/^pet_[\w-]{43}$/);
    expect(sha256).toBe(createHash('sha256').update(token).digest('hex'));
    expect(readTokenHash(token)).toBe(sha256);
    expect(mintReadToken().token).not.toBe(token);
  });
});
