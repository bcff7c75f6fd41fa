/**
 * Fills the local system's database (or a database on this machine, by DATABASE_URL) with 1,000,000 audit rows and 200,000
 * deliveries of 100,000 reports over ten days: the console after a while of use.
 */
import { parseArgs } from 'node:util';
import { connect, describeSessionFailure } from '../tools/local/connect.ts';
import { databaseUrl, isLocal } from '../tools/local/database-url.ts';
import { endConnections } from '../tools/local/end-connections.ts';
import { LARGE, seedLarge } from '../tools/seed/large.ts';

async function main(): Promise<void> {
  // Rejects all arguments: there are none.
  parseArgs();
  const url = await databaseUrl();
  if (!isLocal(url)) throw new Error('This database is not on this machine: only a local one is seeded.');
  const sql = await connect(url);
  try {
    console.log(`seeding ${LARGE.deliveries} deliveries and ${LARGE.auditRows} audit rows`);
    const started = performance.now();
    await seedLarge(sql, LARGE);
    console.log(`seeded in ${Math.round((performance.now() - started) / 1000)} s`);
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
