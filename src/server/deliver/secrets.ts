const PREFIX = 'whsec_';

/** The keys of `WEBHOOK_SECRET`, in its order: the first one signs, and all verify. */
export type WebhookKeys = readonly [Buffer, ...Buffer[]];

/**
 * Decodes `WEBHOOK_SECRET`: one or more `whsec_` + base64, separated by spaces.
 * @throws {Error} if one is malformed or not 24 to 64 bytes long. The message never contains the secret.
 */
export function parseWebhookSecret(value: string): WebhookKeys {
  const [first, ...rest] = value.trim().split(/\s+/).map(decode);
  if (first === undefined) throw new Error('WEBHOOK_SECRET is empty');
  return [first, ...rest];
}

function decode(secret: string): Buffer {
  const encoded = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : '';
  const key = Buffer.from(encoded, 'base64');
  // Buffer ignores characters that are not base64, so a typing error would silently give another key: encode again and
  // compare.
  const isBase64 = key.toString('base64').replace(/=+$/, '') === encoded.replace(/=+$/, '');
  if (!isBase64 || key.length < 24 || key.length > 64) {
    throw new Error('WEBHOOK_SECRET must be whsec_ followed by the base64 of 24 to 64 bytes');
  }
  return key;
}
