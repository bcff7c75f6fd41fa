import { MAX_BODY_BYTES } from '../../contracts/constants.ts';
import type { ProblemCode } from '../../contracts/problem.ts';

export type RawBody =
  | { ok: true; bytes: Uint8Array }
  | { ok: false; code: Extract<ProblemCode, 'body_too_large' | 'unsupported_media_type'>; bytes: Uint8Array };

/** Reads the bytes of a JSON request, no further than the limit: what lies beyond it is never held in memory. */
export async function readRawBody(request: Request): Promise<RawBody> {
  const mediaType = request.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase();
  if (mediaType !== 'application/json') {
    return { ok: false, code: 'unsupported_media_type', bytes: new Uint8Array() };
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = request.body?.getReader();
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
    if (done) return { ok: true, bytes: Buffer.concat(chunks) };
    chunks.push(value);
    length += value.byteLength;
    if (length > MAX_BODY_BYTES) {
      // Left unread: cancelling it would end the process under Vercel's adapter.
      reader?.releaseLock();
      return { ok: false, code: 'body_too_large', bytes: Buffer.concat(chunks) };
    }
  }
}
