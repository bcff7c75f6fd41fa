/**
 * Measures every query of the console, through the REST layer, on a database with 1,000,000 audit rows, 200,000
 * deliveries and 100,000 reports. Its median should be 100 ms at most.
 */
import { randomUUID } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createClient } from '@supabase/supabase-js';
import postgres from 'postgres';
import type { Database } from '../src/contracts/database.types.ts';
import { metricFacts } from '../src/contracts/metrics.ts';
import { createRestStore } from '../src/server/store/rest-store.ts';
import { chooseSubject, consoleViews } from '../tools/bench/console-views.ts';
import { quantile, round } from '../tools/bench/measure.ts';
import { ensureAccount, makeOperator } from '../tools/local/accounts.ts';
import { endConnections } from '../tools/local/end-connections.ts';
import { migrate } from '../tools/local/migrate.ts';
import { freePort } from '../tools/local/ports.ts';
import { createSecrets } from '../tools/local/secrets.ts';
import { startPostgresService, startSupabaseApiService } from '../tools/local/services.ts';
import { prepareDatabase } from '../tools/local/prepare-database.ts';
import { stopSignal } from '../tools/local/until-stopped.ts';
import { describeError } from '../tools/local/wrong-use.ts';
import { LARGE, seedLarge } from '../tools/seed/large.ts';

const CALLS = 25;
const GOAL_MS = 100;

const step = (text: string) => process.stderr.write(`${text}\n`);

async function main(signal: AbortSignal): Promise<void> {
  // Rejects all arguments: there are none.
  parseArgs();
  await using stack = new AsyncDisposableStack();
  const secrets = createSecrets();
  step('starting');
  const database = await startPostgresService({
    directory: await mkdtemp(join(tmpdir(), 'polaris-bench-')),
    port: await freePort(),
    password: secrets.databasePassword,
    temporary: true,
  });
  stack.defer(() => database.stop());
  const databaseUrl = database.state().url;
  await prepareDatabase(databaseUrl);
  await migrate(databaseUrl);
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => undefined });
  stack.defer(() => endConnections(sql));
  const api = await startSupabaseApiService({ databaseUrl, port: await freePort(), ...secrets });
  stack.defer(() => api.stop());
  const { url } = api.state();

  step(`seeding ${LARGE.deliveries} deliveries and ${LARGE.auditRows} audit rows`);
  const started = performance.now();
  await seedLarge(sql, LARGE);
  step(`seeded in ${Math.round((performance.now() - started) / 1000)} s`);

  const credentials = { email: `${randomUUID()}@example.com`, password: randomUUID() };
  const operator = await ensureAccount({ url, ...secrets }, credentials, sql);
  await makeOperator(sql, operator.id);
  const client = createClient<Database>(url, secrets.publishableKey, { auth: { autoRefreshToken: false } });
  await client.auth.signInWithPassword(credentials);

  const views = consoleViews(client, await chooseSubject(sql, LARGE));
  console.log(`${'median and 95th percentile in ms'.padEnd(44)}    p50     p95`);
  let missed = 0;
  for (const [name, ask] of Object.entries(views)) {
    const times: number[] = [];
    for (let call = 0; call < CALLS; call += 1) {
      signal.throwIfAborted();
      const begun = performance.now();
      const { error } = await ask();
      times.push(performance.now() - begun);
      if (error !== null) throw new Error(`${name}: ${JSON.stringify(error)}`);
    }
    times.sort((one, other) => one - other);
    const [p50, p95] = [round(quantile(times, 0.5)), round(quantile(times, 0.95))];
    const verdict = p50 <= GOAL_MS ? 'reached' : 'MISSED';
    if (p50 > GOAL_MS) missed += 1;
    console.log(`${name.padEnd(42)} ${p50.toFixed(1).padStart(8)}${p95.toFixed(1).padStart(8)}  ${verdict}`);
  }
  await measureMetrics(url, secrets.secretKey);
  console.log(`goal: ${GOAL_MS} ms at the median; missed by ${missed} of ${Object.keys(views).length}`);
}

/** Times the SQL function behind `/api/metrics`, which a monitoring system calls every 30 seconds. */
async function measureMetrics(url: string, secretKey: string): Promise<void> {
  const { rpc } = createRestStore({ url, secretKey, fetch });
  const times: number[] = [];
  for (let call = 0; call < CALLS; call += 1) {
    const begun = performance.now();
    await rpc('metrics', {}, metricFacts);
    times.push(performance.now() - begun);
  }
  times.sort((one, other) => one - other);
  const [p50, p95] = [round(quantile(times, 0.5)), round(quantile(times, 0.95))];
  console.log(
    `${'metrics (goal: 20 ms)'.padEnd(42)} ${p50.toFixed(1).padStart(8)}${p95.toFixed(1).padStart(8)}`,
  );
}

const signal = stopSignal();
try {
  await main(signal);
} catch (error) {
  process.exitCode = signal.aborted ? 130 : 1;
  if (!signal.aborted) console.error(describeError(error));
}
process.exit();
