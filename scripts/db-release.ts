/**
 * Releases the version in package.json: writes the checksums of all migrations, which must not change from then on, and the
 * list of what this version calls in the database, which later migrations must keep.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PLATFORM_CALLS, readCalls, RELEASED_CALLS, writeCalls } from '../tools/db/calls/calls.ts';
import { readCalledObjects } from '../tools/db/calls/called-objects.ts';
import { compareCalls } from '../tools/db/calls/compare-calls.ts';
import { callsOfProject } from '../tools/db/calls/released-calls.ts';
import { release } from '../tools/db/checksums.ts';
import { formatFinding } from '../tools/db/finding.ts';
import { startThrowawayServer, withConnection } from '../tools/db/throwaway.ts';
import { migrate } from '../tools/local/migrate.ts';
import { projectRoot } from '../tools/local/paths.ts';

async function main(): Promise<void> {
  // Rejects all arguments: there are none.
  parseArgs();
  await using server = await startThrowawayServer();
  // Closed default privileges grant less than open ones: what works here works on both kinds of project.
  const url = await server.createDatabase({ defaultPrivileges: 'closed' });
  await migrate(url);
  const objects = await withConnection(url, readCalledObjects);
  const earlier = await Promise.all(
    [PLATFORM_CALLS, RELEASED_CALLS].map((path) => readCalls(join(projectRoot, path))),
  );
  const lost = earlier.flatMap((calls) => compareCalls(calls, objects));
  if (lost.length > 0) throw new Error(lost.map(formatFinding).join('\n'));
  const calls = await callsOfProject(projectRoot, url);
  const added = await release(
    join(projectRoot, 'supabase/migrations.sha256'),
    join(projectRoot, 'supabase/migrations'),
  );
  await writeCalls(join(projectRoot, RELEASED_CALLS), calls);
  console.log(added.length === 0 ? 'All migrations were released before.' : `Released:\n${added.join('\n')}`);
  console.log(`Written: ${RELEASED_CALLS}, the calls of ${calls.version}.`);
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
