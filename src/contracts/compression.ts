/** Content codings (RFC 9110, section 8.4.1) in which a webhook's body may come and go. */
export const CODINGS = ['gzip', 'zstd'] as const;
export type Coding = (typeof CODINGS)[number];

/** Largest compressed body that is read: four times what the largest report needs, and a quarter of what it may hold. */
export const MAX_COMPRESSED_BYTES = 256 * 1024;
