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
      /** The bytes that the audit hashes: decompressed ones, or, if they were rejected before that, the received ones. */
      bytes: Uint8Array;
    };

/**
 * Reads a signed request: its bytes, decompressed if needed, and the signature over them. If the headers alone are reason to
 * reject the request, nothing is decompressed.
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
