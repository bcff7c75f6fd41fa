/** Writes the checksums of all migrations: from then on they never change. */
import { join } from 'node:path';
import { release } from './db/checksums.ts';
import { projectRoot } from './local/paths.ts';

try {
  const added = await release(
    join(projectRoot, 'supabase/migrations.sha256'),
    join(projectRoot, 'supabase/migrations'),
  );
  console.log(added.length === 0 ? 'All migrations were released before.' : `Released:\n${added.join('\n')}`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
