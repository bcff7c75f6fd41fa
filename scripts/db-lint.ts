/** Checks the SQL sources and the migrations without a database. The first part of `npm run db:check`. */
import { join } from 'node:path';
import { formatFinding } from './db/finding.ts';
import { lint } from './db/lint/lint.ts';
import { projectRoot } from './local/paths.ts';

const { sources, findings } = await lint({
  sources: join(projectRoot, 'supabase/sql'),
  migrations: join(projectRoot, 'supabase/migrations'),
});
for (const finding of findings) console.error(formatFinding(finding));
if (findings.length === 0) console.log(`${sources.length} sources and the migrations: no finding.`);
process.exitCode = findings.length === 0 ? 0 : 1;
