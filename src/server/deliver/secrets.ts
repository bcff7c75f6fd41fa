import { signingKeyOf } from '../../contracts/env-values.ts';

/** The keys of `WEBHOOK_SECRET`, in its order: the first one signs, and all verify. */
export type WebhookKeys = readonly [Buffer, ...Buffer[]];

/**
 * Decodes secrets: one or more `whsec_` + base64, separated by spaces.
 * @throws {Error} if `signingKeyOf` does not accept one of them, as it accepts each that `signingKeys` does. The message never
 *   contains the secret.
 */
export function parseWebhookSecret(value: string): WebhookKeys {
  const [first = '', ...rest] = value.trim().split(/\s+/);
  return [decode(first), ...rest.map(decode)];
}

function decode(secret: string): Buffer {
  const key = signingKeyOf(secret);
  if (key === undefined) throw new Error('a secret must be whsec_ followed by the base64 of 24 to 64 bytes');
  return Buffer.from(key);
}
