import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's top folder. */
export const projectRoot = fileURLToPath(new URL('../../', import.meta.url));

/** A file of a dependency, by its path under `node_modules`. */
export function dependency(path: string): string {
  return join(projectRoot, 'node_modules', path);
}
