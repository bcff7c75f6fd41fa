import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../../tools/local/paths.ts';

export { cellsOf, tableOf } from '../../../tools/openapi/tables.ts';

export function readText(path: string): string {
  return readFileSync(join(projectRoot, path), 'utf8');
}

/** Everything between backticks, in order. */
export function codeIn(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);
}
