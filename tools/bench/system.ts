import { z } from 'zod';
import type { Cpu } from './result.ts';
import { STORE_ROLE } from '../../src/server/store/routines.ts';
import { freePort } from '../local/ports.ts';
import { startService } from '../local/start-service.ts';
import { openStoreRole } from '../local/store-role.ts';
import { addReports, REPORTS, startGround, WEBHOOKS, type Ground } from './bed.ts';
import { startCountingProxy } from './counting-proxy.ts';
import { readCpu } from './cpu.ts';

/** The system under test: separate functions for each way to the database. */
export interface BenchSystem extends AsyncDisposable {
  ground: Ground;
  /** STORE_DATABASE_URL of the functions behind `direct`. */
  storeUrl: string;
  /** Base URLs of functions that use our REST layer, `@supabase/lite`'s REST, and direct connections. */
  rest: string;
  lite: string;
  direct: string;
  /** Like `rest`, but its database calls are counted. */
  counted: { url: string; calls: string[] };
  reports: string[];
  readCpu: () => Promise<Cpu>;
}

const FLOOR = 'tools/bench/empty-function.ts';
const MEASURED = [...WEBHOOKS, 'api/webhooks/batch.ts', 'api/webhooks/retry.ts', FLOOR];

export async function startBenchSystem(onStep: (step: string) => void): Promise<BenchSystem> {
  await using stack = new AsyncDisposableStack();
  const ground = stack.use(await startGround(onStep));
  const { sql, secrets, databaseUrl } = ground;
  await makeEmptyFunction(ground);
  const storeUrl = await openStoreRole(databaseUrl);
  const lite = await startService({
    name: '@supabase/lite',
    program: new URL('./lite-process.ts', import.meta.url),
    options: { databaseUrl, port: await freePort(), ...secrets },
    state: z.object({ url: z.string() }),
  });
  stack.defer(() => lite.stop());
  ground.processes.rest.push(lite.pid);
  const proxy = await startCountingProxy(ground.supabaseUrl);
  stack.defer(() => proxy.stop());

  onStep('starting: functions by REST');
  const rest = await ground.host([...MEASURED, 'tools/bench/bare-function.ts']);
  const counted = await ground.host([...WEBHOOKS, 'api/reportJobsDb.ts'], { supabaseUrl: proxy.url });
  const liteHost = await ground.host([...WEBHOOKS.slice(0, 1), FLOOR], { supabaseUrl: lite.state().url });
  onStep('starting: functions over connections');
  const direct = await ground.host([...MEASURED, 'api/reportJobsDb.ts'], {
    env: { STORE_DATABASE_URL: storeUrl },
  });
  const reports = await addReports(sql, REPORTS);
  const started = stack.move();
  return {
    ground,
    storeUrl,
    rest: rest.state().url,
    lite: liteHost.state().url,
    direct: direct.state().url,
    counted: { url: counted.state().url, calls: proxy.calls },
    reports,
    readCpu: () => readCpu(ground.processes),
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

async function makeEmptyFunction({ sql }: Ground): Promise<void> {
  await sql`create function public.bench_empty() returns boolean language sql security definer set search_path = ''
    as 'select true'`;
  await sql`revoke execute on function public.bench_empty() from public, anon, authenticated`;
  await sql`grant execute on function public.bench_empty() to service_role, ${sql(STORE_ROLE)}`;
}
