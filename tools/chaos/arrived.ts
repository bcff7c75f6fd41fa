import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { z } from 'zod';
import { batchAnswer } from '../../src/contracts/webhooks.ts';
import type { Passed } from './fault-proxy.ts';

/** As the sender wrote it: what is printed again has the same bytes. */
const batch = z.object({ events: z.array(z.looseObject({ id: z.string() })) });

/** What reached a webhook endpoint, event by event as each would have come alone: not compressed, and with an answer of its own. */
export function eventsIn(passed: Passed): Passed[] {
  const body = decode(passed);
  if (!passed.path.endsWith('/batch')) return [{ ...passed, body }];
  const { events } = batch.parse(JSON.parse(body.toString()));
  const results = passed.status === 200 ? answersOf(passed.answer) : undefined;
  return events.map((event, index) => {
    const result = results?.[index];
    return {
      ...passed,
      headers: { ...passed.headers, 'webhook-id': event.id },
      body: Buffer.from(JSON.stringify(event)),
      ...(result !== undefined && {
        status: result.status,
        answer: Buffer.from(JSON.stringify(result.body)),
      }),
    };
  });
}

function decode({ headers, body }: Passed): Buffer {
  const coding = headers['content-encoding'];
  if (coding === 'gzip') return gunzipSync(body);
  return coding === 'zstd' ? zstdDecompressSync(body) : body;
}

/** Undefined where the connection broke in the middle of the answer. */
function answersOf(answer: Buffer | null) {
  try {
    return batchAnswer.safeParse(JSON.parse(answer?.toString() ?? '')).data?.results;
  } catch {
    return undefined;
  }
}
