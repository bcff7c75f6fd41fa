import { z } from 'zod';
import type { FunctionsOptions, FunctionsState } from './functions.ts';
import { dependency } from './paths.ts';
import type { PostgresOptions } from './postgres.ts';
import { BINARIES_VARIABLE } from './postgres-binaries.ts';
import { startService, type Service } from './start-service.ts';
import type { SupabaseApiOptions } from './supabase-api.ts';

/** Options of every service, beside its own. */
interface Surroundings {
  env?: Readonly<Record<string, string>>;
  startTimeoutMs?: number;
  /** Called with each line that the service prints. Default: our standard error. */
  onLine?: (line: string) => void;
}

export type PostgresService = Service<{ url: string; pid: number }>;
type SupabaseApiService = Service<{ url: string }>;
export type FunctionsService = Service<FunctionsState>;

/** PostgreSQL, stopped when this process ends; `temporary` also deletes its directory. */
export function startPostgresService(
  options: PostgresOptions & { temporary?: boolean },
  surroundings: Surroundings = {},
): Promise<PostgresService> {
  const binaries = process.env[BINARIES_VARIABLE];
  return startService({
    name: 'PostgreSQL',
    program: new URL('./postgres-process.ts', import.meta.url),
    options,
    state: z.object({ url: z.string(), pid: z.int() }),
    ...surroundings,
    env: { ...(binaries && { [BINARIES_VARIABLE]: binaries }), ...surroundings.env },
  });
}

/** Supabase's Data and Auth API in a process of its own, so that it shares no event loop with its callers. */
export function startSupabaseApiService(
  options: SupabaseApiOptions,
  surroundings: Surroundings = {},
): Promise<SupabaseApiService> {
  return startService({
    name: 'the Supabase API',
    program: new URL('./supabase-api-process.ts', import.meta.url),
    options,
    state: z.object({ url: z.string() }),
    ...surroundings,
  });
}

/** The functions and their host. `kill()` ends all of them at once. */
export function startFunctionsService(
  options: FunctionsOptions,
  surroundings: Surroundings = {},
): Promise<FunctionsService> {
  return startService({
    name: 'the functions',
    program: new URL('./functions-process.ts', import.meta.url),
    options,
    state: z.object({ url: z.string(), pids: z.array(z.int()) }),
    ...surroundings,
    // The adapter loads some megabytes of modules into each function's process.
    env: { NODE_COMPILE_CACHE: dependency('.cache/polaris-compiled'), ...surroundings.env },
  });
}
