import { readFileSync } from 'node:fs';
import type postgres from 'postgres';
import { startBed } from './bed.ts';
import { quantile } from './measure.ts';
import { newEvent } from './sender.ts';

const BLOCKS = 100;
const WARM_BLOCKS = 10;
const EVENTS_PER_BLOCK = 20;
const GOAL_MS = 0.3;
const NANOSECONDS = 1_000_000;

/** Per event, in milliseconds: wall-clock time, and CPU time of the database process. */
interface Cost {
  wallMs: number;
  cpuMs: number;
}

/**
 * `npm run bench -- limits`: what the rate limiter adds to an admitted event of 6 KB. The same SQL call with and without a
 * sender, in turns, over one connection. The limiter only uses CPU, and Linux counts CPU time per process, so a busy machine
 * can measure it too.
 * @returns whether the goal was reached
 */
export async function benchLimits(signal: AbortSignal): Promise<boolean> {
  await using bed = await startBed((text) => process.stderr.write(`${text}\n`));
  const connection = await bed.sql.reserve();
  try {
    const [server] = await connection<{ pid: number }[]>`select pg_backend_pid() as pid`;
    if (server === undefined) throw new Error('the database has no process');
    const measureBlock = async (sender: string | null): Promise<Cost> => {
      signal.throwIfAborted();
      // Every block begins without the bucket of a report: creating it is the most expensive case.
      await connection`delete from private.rate_buckets where kind = 'report'`;
      const cpu = cpuOf(server.pid);
      const begun = performance.now();
      for (let event = 0; event < EVENTS_PER_BLOCK; event += 1) await apply(connection, bed.reports, sender);
      const elapsed = performance.now() - begun;
      return { wallMs: elapsed / EVENTS_PER_BLOCK, cpuMs: (cpuOf(server.pid) - cpu) / EVENTS_PER_BLOCK };
    };
    const without: Cost[] = [];
    const limited: Cost[] = [];
    for (let block = 0; block < WARM_BLOCKS + BLOCKS; block += 1) {
      // Both variants go first equally often.
      const isEven = block % 2 === 0;
      const first = await measureBlock(isEven ? null : 'bench');
      const second = await measureBlock(isEven ? 'bench' : null);
      if (block < WARM_BLOCKS) continue;
      without.push(isEven ? first : second);
      limited.push(isEven ? second : first);
    }
    await requireAsked(connection);
    return tell(without, limited);
  } finally {
    connection.release();
  }
}

async function apply(sql: postgres.ISql, reports: readonly string[], sender: string | null): Promise<void> {
  const { id, envelope } = newEvent(reports, 6 * 1024);
  const [row] = await sql<{ outcome: string }[]>`
    select public.apply_report_event(
      p_event_id => ${id}, p_body => ${JSON.stringify(envelope)}, p_endpoint_id => 'prelim-report',
      p_sender => ${sender}) ->> 'outcome' as outcome`;
  if (row?.outcome !== 'applied') throw new Error(`an event was answered ${row?.outcome ?? 'nothing'}`);
}

function cpuOf(pid: number): number {
  const [nanoseconds = ''] = readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ');
  return Number(nanoseconds) / NANOSECONDS;
}

/** Fails if the limiter let events through unchecked: the measured cost would be zero. */
async function requireAsked(sql: postgres.ISql): Promise<void> {
  const [row] = await sql<{ parts: number; failed: number }[]>`
    select (select count(*)::int from private.rate_buckets where kind = 'sender' and key = 'bench') as parts,
      (select count(*)::int from public.webhook_audit where error_message is not null) as failed`;
  if (row === undefined || row.parts === 0 || row.failed > 0) throw new Error('the limiter was not asked');
}

function tell(without: readonly Cost[], limited: readonly Cost[]): boolean {
  const medianOf = (costs: readonly Cost[], part: keyof Cost) =>
    quantile(
      costs.map((cost) => cost[part]).sort((one, other) => one - other),
      0.5,
    );
  const row = (name: string, part: keyof Cost) => {
    const [off, on] = [medianOf(without, part), medianOf(limited, part)];
    const columns = [
      off.toFixed(2).padStart(18),
      on.toFixed(2).padStart(20),
      (on - off).toFixed(2).padStart(8),
    ];
    console.log(`${name.padEnd(28)}${columns.join('')}`);
    return on - off;
  };
  console.log('\na new event of 6 KB, in ms     without limits     with both limits    more');
  row('the call', 'wallMs');
  const cost = row('CPU of the database', 'cpuMs');
  console.log(`${cost < GOAL_MS ? 'reached' : 'MISSED '}  under ${GOAL_MS} ms of CPU more`);
  return cost < GOAL_MS;
}
