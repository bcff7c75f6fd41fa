/**
 * `npm run upgrade` builds the indexes that the migrations do not build on large tables, and imports the reports of the
 * platform's first version, without stopping other work. DATABASE_URL must be the direct or session address, as the owner
 * `postgres`. You can stop the command and run it again at any time.
 */
import { parseArgs } from 'node:util';
import { connect, describeSessionFailure, requirePushed } from '../tools/local/connect.ts';
import { databaseUrl } from '../tools/local/database-url.ts';
import { endConnections } from '../tools/local/end-connections.ts';
import { upgrade } from '../tools/upgrade/upgrade.ts';

/** Supabase's transaction pooler: it assigns a connection for one transaction only. */
const TRANSACTION_POOLER_PORT = '6543';

async function main(): Promise<void> {
  // Rejects all arguments: there are none.
  parseArgs();
  const url = await databaseUrl();
  if (new URL(url).port === TRANSACTION_POOLER_PORT) {
    throw new Error(
      'DATABASE_URL is the address of the transaction pooler (port 6543), through which no session lasts. Use the direct or the session address (port 5432).',
    );
  }
  const sql = await connect(url);
  try {
    await requirePushed(sql);
    const tell = (line: string) => console.log(`upgrade: ${line}`);
    const unimportable = await upgrade({ sql, tell });
    for (const { report_type, report_id, error } of unimportable) {
      console.error(`upgrade: ${report_type} report ${report_id} cannot be imported: ${error}`);
    }
    if (unimportable.length > 0) process.exitCode = 1;
    else tell('done. Check with npm run verify.');
  } finally {
    await endConnections(sql);
  }
}

try {
  await main();
} catch (error) {
  console.error(describeSessionFailure(error));
  process.exitCode = 1;
}
