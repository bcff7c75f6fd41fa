/** Writes the OpenAPI document and its page from the contracts and docs/contract.md. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { projectRoot } from '../tools/local/paths.ts';
import { printFiles } from '../tools/openapi/document.ts';

for (const { path, text } of await printFiles(projectRoot)) {
  await writeFile(join(projectRoot, path), text);
  console.log(`Written: ${path}`);
}
