import { randomUUID } from 'node:crypto';
import { problemDetails } from '../../src/contracts/problem.ts';
import { batchAnswer, webhookAnswer, type BatchAnswer } from '../../src/contracts/webhooks.ts';
import { parseWebhookSecret } from '../../src/server/deliver/secrets.ts';
import { sign } from '../../src/server/deliver/sign.ts';
import type { TestSystem } from './system.ts';

interface BatchAnswered {
  status: number;
  headers: Headers;
  /** Our problem code, if the whole batch is refused. */
  code: string | undefined;
  results: BatchAnswer['results'];
  /** Of each result, its status and its outcome or code. */
  says: string[];
}

/** A sender of batches. */
export function batchClient({ url }: Pick<TestSystem, 'url'>, secret: string) {
  const keys = parseWebhookSecret(secret);

  /** @param encode what becomes of the bytes after they were signed */
  async function post(
    content: unknown,
    options: {
      headers?: Record<string, string>;
      encode?: (bytes: Buffer) => Uint8Array;
      method?: string;
    } = {},
  ): Promise<BatchAnswered> {
    const bytes = Buffer.from(typeof content === 'string' ? content : JSON.stringify(content));
    const { headers, encode = (plain: Buffer): Uint8Array => plain, method = 'POST' } = options;
    const response = await fetch(url('/api/webhooks/batch'), {
      method,
      headers: {
        'content-type': 'application/json',
        ...sign(keys, randomUUID(), Date.now(), bytes),
        ...headers,
      },
      ...(method !== 'GET' && { body: new Uint8Array(encode(bytes)) }),
    });
    const json: unknown = await response.json();
    if (response.status !== 200) {
      const { code } = problemDetails.parse(json);
      return { status: response.status, headers: response.headers, code, results: [], says: [] };
    }
    const { results } = batchAnswer.parse(json);
    const says = results.map(({ status, body }) => `${status} ${saying(body)}`);
    return { status: 200, headers: response.headers, code: undefined, results, says };
  }

  return { post };
}

function saying(body: BatchAnswer['results'][number]['body']): string {
  const applied = webhookAnswer.safeParse(body);
  return applied.success ? applied.data.outcome : problemDetails.parse(body).code;
}
