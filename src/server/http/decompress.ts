import { constants, gunzipSync, zstdDecompressSync } from 'node:zlib';
import type { Coding } from '../../contracts/compression.ts';
import { MAX_BODY_BYTES } from '../../contracts/constants.ts';
import type { ProblemCode } from '../../contracts/problem.ts';

type Decompressed =
  | { ok: true; bytes: Uint8Array }
  | { ok: false; code: Extract<ProblemCode, 'body_too_large' | 'invalid_compression'>; detail: string };

/** 1 MiB: the window that a frame may make the decoder allocate, whatever its content. */
const MAX_WINDOW_LOG = 20;
const ZSTD_MAGIC = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

const UNITS: Record<Coding, string> = { gzip: 'gzip member', zstd: 'zstd frame' };

/**
 * Decompresses exactly one gzip member or one zstd frame, up to the limit of a body. Synchronous: it takes a few milliseconds
 * at most (`npm run bench -- compression`), while many at once in the thread pool would hold their memory at the same time.
 */
export function decompress(coding: Coding, compressed: Uint8Array): Decompressed {
  // Node reads a skippable frame as an empty body.
  if (coding === 'zstd' && !ZSTD_MAGIC.equals(compressed.subarray(0, ZSTD_MAGIC.length))) {
    return invalid(coding, 'it does not begin as one');
  }
  const limits = { maxOutputLength: MAX_BODY_BYTES, rejectGarbageAfterEnd: true };
  try {
    const bytes =
      coding === 'gzip'
        ? gunzipSync(compressed, limits)
        : zstdDecompressSync(compressed, {
            ...limits,
            params: { [constants.ZSTD_d_windowLogMax]: MAX_WINDOW_LOG },
          });
    return { ok: true, bytes };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (code === 'ERR_BUFFER_TOO_LARGE') {
      return { ok: false, code: 'body_too_large', detail: 'The decompressed body is over 1 MiB.' };
    }
    if (code === 'ZSTD_error_frameParameter_windowTooLarge') {
      return { ok: false, code: 'body_too_large', detail: 'The zstd window is over 1 MiB.' };
    }
    // Errors not caused by the data, such as a lack of memory, must not be blamed on it.
    if (error instanceof Error && isFaultOfData(code)) return invalid(coding, error.message);
    throw error;
  }
}

function isFaultOfData(code: string): boolean {
  return (
    ['Z_DATA_ERROR', 'Z_BUF_ERROR', 'Z_NEED_DICT', 'ERR_TRAILING_JUNK_AFTER_STREAM_END'].includes(code) ||
    (code.startsWith('ZSTD_error_') && code !== 'ZSTD_error_memory_allocation')
  );
}

function invalid(coding: Coding, reason: string): Decompressed {
  const detail = `The body is not exactly one ${UNITS[coding]}: ${reason}.`;
  return { ok: false, code: 'invalid_compression', detail };
}
