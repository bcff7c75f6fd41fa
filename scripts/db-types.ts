/** Writes the database types from the migrations. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generateTypes, TYPES } from '../tools/db/derived.ts';
import { startThrowawayServer } from '../tools/db/throwaway.ts';
import { migrate } from '../tools/local/migrate.ts';
import { projectRoot } from '../tools/local/paths.ts';

await using server = await startThrowawayServer();
const url = await server.createDatabase();
await migrate(url);
await writeFile(join(projectRoot, TYPES), await generateTypes(url, projectRoot));
console.log(`Written: ${TYPES}`);
