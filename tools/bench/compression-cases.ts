import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { constants, createGzip, createZstdCompress, gzipSync, zstdCompressSync } from 'node:zlib';
import type { Coding } from '../../src/contracts/compression.ts';

/** A compressed body, and the problem code that a function answers if the signing key is unknown. */
export interface CompressionCase {
  name: string;
  coding: Coding;
  code: string;
  make: () => Buffer | Promise<Buffer>;
}

const MB = 1024 * 1024;

/** Streams the zeros into the compressor, so that memory never holds all of them. */
function zeros(megabytes: number, compressor: NodeJS.ReadWriteStream): Promise<Buffer> {
  const megabyte = Buffer.alloc(MB);
  return buffer(Readable.from(Array.from({ length: megabytes }, () => megabyte)).pipe(compressor));
}

/** JSON of about this many bytes whose compression ratio is that of a report: about 5:1. */
export function reportOf(bytes: number): Buffer {
  const words = Array.from({ length: 500 }, () =>
    randomBytes(5)
      .toString('hex')
      .slice(0, 4 + (bytes % 5)),
  );
  let text = '';
  // Some words occur far more often than others, as in prose.
  while (text.length < bytes - 40) text += `${words[Math.floor(500 * Math.random() ** 2.5)] ?? ''} `;
  return Buffer.from(JSON.stringify({ type: 'report', text: text.slice(0, bytes - 40) }));
}

const zstdHeader = (windowLog: number) => Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, (windowLog - 10) << 3]);

/** Blocks of zstd of one type (RFC 8878, section 3.1.1.2), the last one marked as such. */
function zstdBlocks(count: number, type: 0 | 1, size: number): Buffer {
  const width = type === 1 ? 4 : 3;
  const blocks = Buffer.alloc(count * width);
  for (let block = 0; block < count; block += 1) {
    blocks.writeUIntLE((size << 3) | (type << 1) | (block === count - 1 ? 1 : 0), block * width, 3);
  }
  return blocks;
}

/** A gzip member around deflated bytes that decompress to nothing. */
function gzipOf(deflated: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]), deflated, Buffer.alloc(8)]);
}

/** Empty stored blocks of deflate (RFC 1951, section 3.2.4), then the final block. */
function emptyStoredBlocks(count: number): Buffer {
  const blocks = Buffer.alloc(5 * count);
  for (let block = 0; block < count; block += 1) blocks.writeUInt16LE(0xffff, block * 5 + 3);
  return Buffer.concat([blocks, Buffer.from([3, 0])]);
}

const faults = (coding: Coding, compress: (bytes: Buffer) => Buffer): CompressionCase[] => {
  const good = () => compress(reportOf(200_000));
  const of = (name: string, make: () => Buffer): CompressionCase => ({
    name: `${coding}: ${name}`,
    coding,
    code: 'invalid_compression',
    make,
  });
  return [
    of('cut off half-way', () => good().subarray(0, good().length / 2)),
    of('cut off at its last byte', () => good().subarray(0, -1)),
    of('a byte after its end', () => Buffer.concat([good(), Buffer.from('x')])),
    of('a second one after it', () => Buffer.concat([good(), good()])),
    of('with a wrong checksum', () => {
      const bytes = good();
      bytes.writeUInt8(
        (bytes.at(coding === 'gzip' ? -5 : -1) ?? 0) ^ 1,
        bytes.length + (coding === 'gzip' ? -5 : -1),
      );
      return bytes;
    }),
    of('no compressed data at all', () => randomBytes(256 * 1024)),
  ];
};

export const COMPRESSION_CASES: readonly CompressionCase[] = [
  {
    name: 'gzip: 1 GB of zeros, over 256 KB compressed',
    coding: 'gzip',
    code: 'body_too_large',
    make: () => zeros(1024, createGzip()),
  },
  {
    name: 'gzip: 240 MB of zeros',
    coding: 'gzip',
    code: 'body_too_large',
    make: () => zeros(240, createGzip()),
  },
  {
    name: 'gzip: 1 GB of zeros, compressed twice',
    coding: 'gzip',
    code: 'invalid_signature',
    make: async () => gzipSync(gzipSync(await zeros(1024, createGzip()))),
  },
  {
    name: 'gzip: 50,000 empty blocks',
    coding: 'gzip',
    code: 'invalid_signature',
    make: () => gzipOf(emptyStoredBlocks(50_000)),
  },
  {
    name: 'gzip: 256 KB that hardly compress',
    coding: 'gzip',
    code: 'invalid_signature',
    make: () => gzipSync(Buffer.from(randomBytes(150_000).toString('base64'))),
  },
  {
    name: 'zstd: 1 GB of zeros',
    coding: 'zstd',
    code: 'body_too_large',
    make: () => Buffer.concat([zstdHeader(20), zstdBlocks(8192, 1, 128 * 1024)]),
  },
  {
    name: 'zstd: 1 GB of zeros, with its size',
    coding: 'zstd',
    code: 'body_too_large',
    make: () => zeros(1024, createZstdCompress({ pledgedSrcSize: 1024 * MB })),
  },
  {
    name: 'zstd: a window of 128 MB',
    coding: 'zstd',
    code: 'body_too_large',
    make: () => Buffer.concat([zstdHeader(27), zstdBlocks(1, 1, 100)]),
  },
  {
    name: 'zstd: 85,000 empty blocks',
    coding: 'zstd',
    code: 'invalid_signature',
    make: () => Buffer.concat([zstdHeader(20), zstdBlocks(85_000, 0, 0)]),
  },
  ...faults('gzip', (bytes) => gzipSync(bytes)),
  ...faults('zstd', (bytes) => zstdCompressSync(bytes, { params: { [constants.ZSTD_c_checksumFlag]: 1 } })),
];
