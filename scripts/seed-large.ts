/**
 * Fills the local system's database (or a database on this machine, by DATABASE_URL) with 1,000,000 audit rows and 200,000
 * deliveries of 100,000 reports over ten days: the console after a while of use.
 */
import postgres from 'postgres';
import { databaseUrl, isLocal } from '../tools/local/database-url.ts';
import { LARGE, seedLarge } from '../tools/seed/large.ts';

async function main(): Promise<void> {
  const url = await databaseUrl();
  if (!isLocal(url)) throw new Error('This database is not on this machine: only a local one is seeded.');
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    console.log(`seeding ${LARGE.deliveries} deliveries and ${LARGE.auditRows} audit rows`);
    const started = performance.now();
    await seedLarge(sql, LARGE);
    console.log(`seeded in ${Math.round((performance.now() - started) / 1000)} s`);
  } finally {
    await sql.end();
  }
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
