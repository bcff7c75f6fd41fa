/**
 * Measures the upgrade of a database of the platform (`--reports 100000`) in a database of its own: how long the push and
 * `npm run upgrade` take, and the longest that a reader and a writer wait meanwhile.
 */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { describeUpgrade, measureUpgrade } from '../tools/bench/upgrade.ts';
import { freePort } from '../tools/local/ports.ts';
import { prepareDatabase } from '../tools/local/prepare-database.ts';
import { createSecrets } from '../tools/local/secrets.ts';
import { startPostgresService } from '../tools/local/services.ts';
import { stopSignal } from '../tools/local/until-stopped.ts';
import { describeError, WrongUse } from '../tools/local/wrong-use.ts';

/** A report takes about 20 KB of disk with its job, its audit row and its event. */
const size = z.coerce.number().int().min(300).max(1_000_000);
const QUIET_MS = 10_000;
const GOAL_MS = 1_000;

const onStep = (step: string) => process.stderr.write(`${step}\n`);

async function main(signal: AbortSignal): Promise<void> {
  const { values } = parseArgs({ options: { reports: { type: 'string', default: '100000' } } });
  const { data: reports } = size.safeParse(values.reports);
  if (reports === undefined) throw new WrongUse('--reports is a whole number from 300 to 1000000.');
  await using stack = new AsyncDisposableStack();
  const database = await startPostgresService({
    directory: await mkdtemp(join(tmpdir(), 'polaris-bench-')),
    port: await freePort(),
    password: createSecrets().databasePassword,
    temporary: true,
  });
  stack.defer(() => database.stop());
  const { url } = database.state();
  await prepareDatabase(url, { alone: false });
  const figures = await measureUpgrade(url, { reports, quietMs: QUIET_MS }, { onStep, signal });
  console.log(describeUpgrade(figures));
  const longest = Math.max(
    ...figures.phases.flatMap(({ reader, writer }) => [reader.longestMs, writer.longestMs]),
  );
  console.log(
    `goal: no wait of ${GOAL_MS} ms; the longest was ${longest.toFixed(0)} ms: ${longest < GOAL_MS ? 'reached' : 'MISSED'}`,
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
