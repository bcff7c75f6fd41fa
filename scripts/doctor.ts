/**
 * Checks a deployment from outside and inside, and prints what to do about each finding. Takes the deployment's variables
 * from `--env FILE` (as written by `vercel env pull`), else from the environment, else from the running local system.
 * `--json` for programs. Exit status 1 if a check failed.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs, parseEnv } from 'node:util';
import { z } from 'zod';
import type { HeldRight } from '../src/contracts/health.ts';
import { systemClock } from '../src/server/clock.ts';
import { examine, type Diagnosis } from '../src/server/observe/doctor.ts';
import { probeRealtime } from '../src/server/observe/probe-realtime.ts';
import { readSources } from '../tools/db/read-sources.ts';
import { compareRights } from '../tools/db/rights.ts';
import { localDeployment } from '../tools/doctor/local-deployment.ts';
import { printDiagnoses } from '../tools/doctor/print.ts';
import { projectRoot } from '../tools/local/paths.ts';

async function readVariables(file: string | undefined): Promise<Record<string, string | undefined>> {
  if (file !== undefined) return parseEnv(await readFile(file, 'utf8'));
  if (process.env['WEBHOOK_BASE_URL']) return process.env;
  return (await localDeployment()) ?? process.env;
}

async function rightsComparison(): Promise<(rights: readonly HeldRight[]) => string[]> {
  const { sources, findings } = await readSources(join(projectRoot, 'supabase/sql'));
  if (findings.length > 0) throw new Error('supabase/sql is not sound: run npm run db:lint.');
  return (rights) =>
    compareRights(
      sources,
      rights.map(({ column, ...right }) => ({ ...right, ...(column !== null && { column }) })),
    ).map(({ where, message }) => `${message} (${where})`);
}

async function migrationVersions(): Promise<string[]> {
  const names = await readdir(join(projectRoot, 'supabase/migrations'));
  return names.filter((name) => name.endsWith('.sql')).map((name) => name.slice(0, name.indexOf('_')));
}

async function regions(): Promise<string[]> {
  const settings = z.object({ regions: z.array(z.string()) });
  return settings.parse(JSON.parse(await readFile(join(projectRoot, 'vercel.json'), 'utf8'))).regions;
}

async function main(): Promise<Diagnosis[]> {
  const { values } = parseArgs({
    options: { env: { type: 'string' }, json: { type: 'boolean', default: false } },
  });
  const diagnoses = await examine({
    source: await readVariables(values.env),
    fetch,
    ...systemClock,
    migrations: await migrationVersions(),
    compareRights: await rightsComparison(),
    regions: await regions(),
    probeRealtime,
  });
  if (values.json) console.log(JSON.stringify(diagnoses, null, 2));
  else printDiagnoses(diagnoses, (line) => console.log(line));
  return diagnoses;
}

try {
  process.exitCode = (await main()).some(({ level }) => level === 'failed') ? 1 : 0;
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
