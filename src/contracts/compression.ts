/** Content codings (RFC 9110, section 8.4.1) that webhook bodies may have, in both directions. */
export const CODINGS = ['gzip', 'zstd'] as const;
export type Coding = (typeof CODINGS)[number];

/** The coding that a subscriber asks for. */
export const COMPRESSIONS = ['none', ...CODINGS] as const;
export type Compression = (typeof COMPRESSIONS)[number];

/** Smaller bodies are sent uncompressed: they fit into one packet with their headers. */
export const MIN_COMPRESSED_BYTES = 1024;

/**
 * Largest compressed body that is read: a quarter of the decompressed limit, since text compresses to a third or less. Until
 * a request is verified, no more than this is decompressed for it.
 */
export const MAX_COMPRESSED_BYTES = 256 * 1024;
