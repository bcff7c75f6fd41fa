import { CODINGS } from '../../contracts/compression.ts';
import type { ProblemCode } from '../../contracts/problem.ts';
import { readRawBody } from '../http/body.ts';
import { decompress } from '../http/decompress.ts';
import type { ProblemExtras } from '../http/problem.ts';
import { refusalOfHeaders, verify, type VerificationKeys, type VerifiedBody } from './verify.ts';

type SignedRequest =
  | { ok: true; request: VerifiedBody }
  | {
      ok: false;
      code: ProblemCode;
      extras: ProblemExtras;
      /** The bytes that the audit hashes: decompressed bytes, or where they were refused before, those that came. */
      bytes: Uint8Array;
    };

/**
 * Reads a signed request: its bytes, compressed or not, and the signature over what they hold. Nothing is decompressed for a
 * request that its headers alone refuse.
 * @param now milliseconds since the epoch
 */
export async function readSigned(
  keys: VerificationKeys,
  request: Request,
  now: () => number,
): Promise<SignedRequest> {
  const raw = await readRawBody(request, CODINGS);
  if (!raw.ok) return raw;
  let { bytes } = raw;
  const at = now();
  if (raw.coding !== null) {
    const refusal = refusalOfHeaders(keys, request.headers, at);
    if (refusal !== null) return { ok: false, code: refusal, extras: {}, bytes };
    const decompressed = decompress(raw.coding, bytes);
    if (!decompressed.ok) {
      const { code, detail } = decompressed;
      return { ok: false, code, extras: { detail }, bytes };
    }
    bytes = decompressed.bytes;
  }
  const verification = verify(keys, request.headers, bytes, at);
  return verification.ok ? verification : { ok: false, code: verification.code, extras: {}, bytes };
}
