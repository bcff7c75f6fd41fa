import { createHash } from 'node:crypto';

const CHARACTERS = 12;

/**
 * Short hashes by which the database measures how long a secret has been in use. Their domain makes them useless elsewhere,
 * and secrets of 24 random bytes cannot be guessed from them.
 */
export function fingerprintsOf(variable: string, keys: readonly Uint8Array[]): string[] {
  return keys.map((key) =>
    createHash('sha256')
      .update(`polaris secret fingerprint v1\0${variable}\0`)
      .update(key)
      .digest('hex')
      .slice(0, CHARACTERS),
  );
}
