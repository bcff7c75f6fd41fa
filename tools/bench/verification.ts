import { Webhook } from 'svix';
import { parseWebhookSecret } from '../../src/server/deliver/secrets.ts';
import { sign } from '../../src/server/deliver/sign.ts';
import { verify } from '../../src/server/deliver/verify.ts';

const FOR_MS = 1000;

function perSecond(work: () => void): number {
  for (let warm = 0; warm < 50; warm += 1) work();
  const started = performance.now();
  let count = 0;
  while (performance.now() - started < FOR_MS) {
    work();
    count += 1;
  }
  return Math.round((count / (performance.now() - started)) * 1000);
}

/** Verifications per second for a body of this size: ours, and the svix library's for the same headers and bytes. */
export function verificationSpeed(bytes: number): { ours: number; svix: number } {
  const secret = `whsec_${Buffer.alloc(32, 3).toString('base64')}`;
  const keys = parseWebhookSecret(secret);
  const text = JSON.stringify({ text: 'x'.repeat(bytes - 11) });
  const body = new TextEncoder().encode(text);
  const now = Date.now();
  const signed = sign(keys, 'evt_bench', now, body);
  const headers = new Headers({ ...signed });
  const library = new Webhook(secret);
  const ours = perSecond(() => {
    if (!verify({ keys }, headers, body, now).ok) throw new Error('our verification refused');
  });
  const svix = perSecond(() => {
    library.verify(text, { ...signed });
  });
  return { ours, svix };
}
