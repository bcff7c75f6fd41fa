/** Content codings (RFC 9110, section 8.4.1) in which a webhook's body may come and go. */
export const CODINGS = ['gzip', 'zstd'] as const;
export type Coding = (typeof CODINGS)[number];

/** How a subscriber wants its bodies. */
export const COMPRESSIONS = ['none', ...CODINGS] as const;
export type Compression = (typeof COMPRESSIONS)[number];

/** Below this a body is sent as it is: it fits into one packet with its headers, and compressing it saves nothing. */
export const MIN_COMPRESSED_BYTES = 1024;

/**
 * Largest compressed body that is read: a quarter of what it may hold, since text compresses to a third or less. Whoever cannot verify
 * a request yet decompresses no more than this for it.
 */
export const MAX_COMPRESSED_BYTES = 256 * 1024;
