const PREFIX = 'whsec_';

/** The keys of `WEBHOOK_SECRET`, in its order: the first signs, all verify. */
export type WebhookKeys = readonly [Buffer, ...Buffer[]];

/**
 * Decodes `WEBHOOK_SECRET`: one or more `whsec_` + base64, separated by spaces.
 * @throws {Error} when one is malformed or not 24 to 64 bytes long. The message never holds the secret.
 */
export function parseWebhookSecret(value: string): WebhookKeys {
  const [first, ...rest] = value.trim().split(/\s+/).map(decode);
  if (first === undefined) throw new Error('WEBHOOK_SECRET is empty');
  return [first, ...rest];
}

function decode(secret: string): Buffer {
  const encoded = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : '';
  const key = Buffer.from(encoded, 'base64');
  // Buffer skips what is not base64, so a typo would silently make another key: encode again and compare.
  const isBase64 = key.toString('base64').replace(/=+$/, '') === encoded.replace(/=+$/, '');
  if (!isBase64 || key.length < 24 || key.length > 64) {
    throw new Error('WEBHOOK_SECRET must be whsec_ followed by the base64 of 24 to 64 bytes');
  }
  return key;
}
