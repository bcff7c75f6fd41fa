import { CODINGS, MAX_COMPRESSED_BYTES, type Coding } from '../../contracts/compression.ts';
import { MAX_BODY_BYTES } from '../../contracts/constants.ts';
import type { ProblemCode } from '../../contracts/problem.ts';
import type { ProblemExtras } from './problem.ts';

type RawBody =
  | {
      ok: true;
      bytes: Uint8Array;
      /** Coding of the bytes, which are not decompressed here. */
      coding: Coding | null;
    }
  | {
      ok: false;
      code: Extract<
        ProblemCode,
        'body_too_large' | 'unsupported_media_type' | 'unsupported_content_encoding'
      >;
      bytes: Uint8Array;
      extras: ProblemExtras;
    };

/**
 * Reads a JSON request's bytes unchanged, up to the limit. What lies beyond is never held in memory.
 * @param codings in which the body may be compressed; the caller decompresses it
 */
export async function readRawBody(request: Request, codings: readonly Coding[] = []): Promise<RawBody> {
  const mediaType = request.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase();
  if (mediaType !== 'application/json') return refuse('unsupported_media_type');
  const named = request.headers.get('content-encoding');
  const coding = CODINGS.find((known) => known === named?.trim().toLowerCase()) ?? null;
  if (named !== null && (coding === null || !codings.includes(coding))) {
    // RFC 9110, section 15.5.16: this header tells the client that the coding was at fault, and which codings are accepted.
    const accepted = codings.length === 0 ? 'identity' : codings.join(', ');
    return refuse('unsupported_content_encoding', { headers: { 'accept-encoding': accepted } });
  }
  const limit = coding === null ? MAX_BODY_BYTES : MAX_COMPRESSED_BYTES;
  const extras: ProblemExtras = coding === null ? {} : { detail: 'The compressed body is over 256 KB.' };
  if (coding !== null && Number(request.headers.get('content-length')) > limit) {
    return refuse('body_too_large', extras);
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = request.body?.getReader();
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
    if (done) return { ok: true, bytes: Buffer.concat(chunks), coding };
    chunks.push(value);
    length += value.byteLength;
    if (length > limit) {
      // Not cancelled: that would end the process under Vercel's adapter.
      reader?.releaseLock();
      return refuse('body_too_large', extras, Buffer.concat(chunks));
    }
  }
}

function refuse(
  code: Extract<RawBody, { ok: false }>['code'],
  extras: ProblemExtras = {},
  bytes: Uint8Array = new Uint8Array(),
): RawBody {
  return { ok: false, code, bytes, extras };
}
