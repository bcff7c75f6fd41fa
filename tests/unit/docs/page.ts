import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../../scripts/local/paths.ts';

export { cellsOf, tableOf } from '../../../scripts/openapi/tables.ts';

export function readText(path: string): string {
  return readFileSync(join(projectRoot, path), 'utf8');
}

/** Everything between backticks, in order. */
export function codeIn(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);
}
