import { createHash, createHmac } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { describe, expect, it } from 'vitest';
import { parseWebhookSecret } from '../../../src/server/deliver/secrets.ts';
import { sign } from '../../../src/server/deliver/sign.ts';
import { verify, type VerificationKeys } from '../../../src/server/deliver/verify.ts';

const secret = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
const otherSecret = `whsec_${Buffer.alloc(24, 2).toString('base64')}`;
const keys: VerificationKeys = { keys: parseWebhookSecret(secret) };
const now = Date.now();
const text = '{"name": "Zoë – 東京 🚀",\n"escaped":"\\u00e9"}';
const body = new TextEncoder().encode(text);
const signed = sign(keys.keys, 'evt_1', now, body);

function outcome(headers: Record<string, string>, bytes = body, at = now, using = keys): string {
  const result = verify(using, new Headers(headers), bytes, at);
  return result.ok ? `accepted ${result.request.id ?? 'without id'}` : result.code;
}

describe('a signed request', () => {
  it('fits a fixed vector', () => {
    const fixed = sign(
      parseWebhookSecret(secret),
      'msg_1',
      1_614_265_330_000,
      new TextEncoder().encode('{}'),
    );
    const expected = createHmac('sha256', Buffer.alloc(32, 1)).update('msg_1.1614265330.{}').digest('base64');
    expect(fixed).toEqual({
      'webhook-id': 'msg_1',
      'webhook-timestamp': '1614265330',
      'webhook-signature': `v1,${expected}`,
    });
  });

  it('is accepted when the standardwebhooks and svix libraries signed it', () => {
    for (const library of [new Webhook(secret), new SvixWebhook(secret)]) {
      const signature = library.sign('evt_2', new Date(now), text);
      const headers = { ...signed, 'webhook-id': 'evt_2', 'webhook-signature': signature };
      expect(outcome(headers)).toBe('accepted evt_2');
    }
  });

  it('is accepted by these libraries when we signed it', () => {
    const payload = JSON.parse(text) as unknown;
    const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature } = signed;
    expect(new Webhook(secret).verify(text, { ...signed })).toEqual(payload);
    expect(
      new SvixWebhook(secret).verify(text, {
        'svix-id': id,
        'svix-timestamp': timestamp,
        'svix-signature': signature,
      }),
    ).toEqual(payload);
  });

  it('is that of the sender whose key fits, by a fingerprint that is not the key', () => {
    const senderOf = (using: VerificationKeys, headers: Record<string, string>) => {
      const result = verify(using, new Headers(headers), body, now);
      return result.ok ? result.request.sender : result.code;
    };
    const bySecond = { ...sign(parseWebhookSecret(otherSecret), 'evt_1', now, body) };
    const legacy = (secretText: string) => ({
      'x-webhook-signature': `sha256=${createHmac('sha256', secretText).update(body).digest('hex')}`,
    });
    const both: VerificationKeys = {
      keys: parseWebhookSecret(`${secret} ${otherSecret}`),
      legacySecrets: ['first', 'second'],
    };
    const senders = [{ ...signed }, bySecond, legacy('first'), legacy('second')].map((headers) =>
      senderOf(both, headers),
    );
    expect(new Set(senders).size).toBe(4);
    for (const sender of senders) expect(sender).toMatch(/^[0-9a-f]{16}$/);
    // The same in every deployment that has the key, wherever it stands among others.
    expect(senderOf(keys, { ...signed })).toBe(senders[0]);
    expect(senderOf({ keys: parseWebhookSecret(`${otherSecret} ${secret}`) }, { ...signed })).toBe(
      senders[0],
    );
    const plain = createHash('sha256').update(Buffer.alloc(32, 1)).digest('hex');
    expect(senders.filter((sender) => plain.startsWith(sender))).toEqual([]);
  });

  it('is accepted under any of several secrets, and any of several signatures', () => {
    const rotated = { keys: parseWebhookSecret(`${otherSecret} ${secret}`) };
    expect(outcome({ ...signed }, body, now, rotated)).toBe('accepted evt_1');
    const several = `v1a,AAAA v1,${Buffer.alloc(32).toString('base64')} ${signed['webhook-signature']}`;
    expect(outcome({ ...signed, 'webhook-signature': several })).toBe('accepted evt_1');
  });
});

describe('a request is refused', () => {
  it.each(['webhook-id', 'webhook-timestamp', 'webhook-signature'] as const)('without %s', (name) => {
    const headers: Record<string, string> = { ...signed };
    headers[name] = '';
    expect(outcome(headers)).toBe('missing_signature');
  });

  it('when any byte of the body changed', () => {
    for (let index = 0; index < body.length; index += 1) {
      const changed = Uint8Array.from(body);
      changed[index] = (changed[index] ?? 0) ^ 1;
      expect(outcome({ ...signed }, changed)).toBe('invalid_signature');
    }
  });

  it('when the id or the timestamp is not the signed one', () => {
    expect(outcome({ ...signed, 'webhook-id': 'evt_9' })).toBe('invalid_signature');
    const later = String(Number(signed['webhook-timestamp']) + 1);
    expect(outcome({ ...signed, 'webhook-timestamp': later })).toBe('invalid_signature');
  });

  it('when the id could move the border between id and timestamp', () => {
    expect(outcome({ ...signed, 'webhook-id': 'evt.1' })).toBe('invalid_signature');
  });

  it.each(['v1,', 'v1,AAAA', 'v2,x', 'nonsense', `v1,${Buffer.alloc(33).toString('base64')}`])(
    'with the signature %s',
    (signature) => {
      expect(outcome({ ...signed, 'webhook-signature': signature })).toBe('invalid_signature');
    },
  );

  it('when signed with another secret', () => {
    const other = sign(parseWebhookSecret(otherSecret), 'evt_1', now, body);
    expect(outcome({ ...other })).toBe('invalid_signature');
  });

  it('more than five minutes before or after its timestamp, not at five', () => {
    const at = Number(signed['webhook-timestamp']) * 1000;
    expect(outcome({ ...signed }, body, at + 300_000)).toBe('accepted evt_1');
    expect(outcome({ ...signed }, body, at - 300_000)).toBe('accepted evt_1');
    expect(outcome({ ...signed }, body, at + 301_000)).toBe('timestamp_out_of_tolerance');
    expect(outcome({ ...signed }, body, at - 301_000)).toBe('timestamp_out_of_tolerance');
  });

  it.each(['NaN', '1e9', '-5', '12.5', '0x10'])('with the timestamp %s', (timestamp) => {
    expect(outcome({ ...signed, 'webhook-timestamp': timestamp })).toBe('timestamp_out_of_tolerance');
  });
});

describe('the legacy header', () => {
  const legacySecret = 'a legacy secret of the first version';
  const hex = createHmac('sha256', legacySecret).update(body).digest('hex');
  const using = { ...keys, legacySecrets: [legacySecret] };

  it('is accepted only where its secret is set', () => {
    expect(outcome({ 'x-webhook-signature': `sha256=${hex}` }, body, now, using)).toBe('accepted without id');
    expect(outcome({ 'x-webhook-signature': `sha256=${hex}` })).toBe('missing_signature');
  });

  it('is accepted with each of several secrets, while one replaces the other', () => {
    const old = { 'x-webhook-signature': `sha256=${hex}` };
    for (const legacySecrets of [
      ['the next secret of it', legacySecret],
      [legacySecret, 'the next secret of it'],
    ]) {
      expect(outcome(old, body, now, { ...keys, legacySecrets })).toBe('accepted without id');
    }
    expect(outcome(old, body, now, { ...keys, legacySecrets: ['the next secret of it'] })).toBe(
      'invalid_signature',
    );
  });

  it.each(['', 'sha256=', `sha256=${hex}00`, `sha1=${hex}`, `sha256=${'0'.repeat(64)}`])(
    'refuses %s',
    (value) => {
      expect(outcome({ 'x-webhook-signature': value }, body, now, using)).toMatch(
        /^(missing|invalid)_signature$/,
      );
    },
  );

  it('does not stand in for a wrong signature of the standard', () => {
    const headers = { ...signed, 'webhook-signature': 'v1,AAAA', 'x-webhook-signature': `sha256=${hex}` };
    expect(outcome(headers, body, now, using)).toBe('invalid_signature');
  });
});

describe('WEBHOOK_SECRET', () => {
  it.each([
    '',
    'whsec_',
    'whsec_AAAA',
    'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    `whsec_${'A'.repeat(200)}`,
    `${secret}!`,
    `${secret.slice(0, -2)}F=`,
  ])('refuses %s without repeating it', (value) => {
    expect(() => parseWebhookSecret(value)).toThrow(/^a secret must be whsec_ followed by/);
  });
});
