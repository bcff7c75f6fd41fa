import { promisify } from 'node:util';
import { constants, gzip, zstdCompress } from 'node:zlib';
import type { Coding } from '../../contracts/compression.ts';

const GZIP_LEVEL = 6;
const ZSTD_LEVEL = 3;

const gzipped = promisify(gzip);
const zstdCompressed = promisify<Uint8Array, object, Uint8Array>(zstdCompress);

/**
 * Compresses a body, to the same bytes each time: the levels are fixed, and Node writes no time into the gzip header. Runs in
 * the thread pool, since gzip takes as long for 900 KB as many small requests take.
 */
export function compress(coding: Coding, bytes: Uint8Array): Promise<Uint8Array> {
  return coding === 'gzip'
    ? gzipped(bytes, { level: GZIP_LEVEL })
    : zstdCompressed(bytes, { params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL } });
}
