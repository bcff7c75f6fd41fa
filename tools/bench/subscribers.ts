import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type postgres from 'postgres';
import { compileFilter } from '../../src/server/deliver/filters/compile.ts';
import type { Filter } from '../../src/contracts/filters.ts';
import { startBed } from './bed.ts';
import { median } from './measure.ts';
import { newEvent } from './sender.ts';

const EFFECTS = 100;
const WARM = 20;
const WAITING = 1_000_000;
const CLAIMS = 200;
const NANOSECONDS = 1_000_000;

/** Four clauses. Only the last one fails, so every evaluation visits all of them and nothing matches. */
const FILTER: Filter = {
  all: [
    { exact: { report_type: 'org', 'metadata.region': 'eu' } },
    { prefix: { 'metadata.customer.id': 'cus_' } },
    { not: { exact: { 'metadata.customer.tier': 'none' } } },
    { exists: 'metadata.customer.missing' },
  ],
};

/** About 20 KB. */
const METADATA = {
  region: 'eu',
  customer: { id: 'cus_123', tier: 'gold' },
  sources: Array.from({ length: 100 }, (_, number) => ({
    title: `Source ${number}`,
    url: `https://example.org/articles/${number}`,
    excerpt: createHash('sha512').update(String(number)).digest('hex').slice(0, 100),
  })),
};

/**
 * `npm run bench -- subscribers`: the cost of fan-out per effect, by the number of subscribers, and the cost of a claim while
 * 1,000,000 deliveries wait for 200 subscribers.
 * @returns whether the goals were reached
 */
export async function benchSubscribers(signal: AbortSignal): Promise<boolean> {
  const step = (text: string) => process.stderr.write(`${text}\n`);
  await using bed = await startBed(step);
  const connection = await bed.sql.reserve();
  try {
    const [server] = await connection<{ pid: number }[]>`select pg_backend_pid() as pid`;
    if (server === undefined) throw new Error('the database has no process');
    const measureEffects = async (label: string) => {
      step(label);
      const costs: number[] = [];
      for (let effect = 0; effect < WARM + EFFECTS; effect += 1) {
        signal.throwIfAborted();
        const begun = cpuOf(server.pid);
        await apply(connection, bed.reports);
        if (effect >= WARM) costs.push(cpuOf(server.pid) - begun);
      }
      return median(costs);
    };
    const none = await measureEffects('effects without subscribers');
    await subscribe(connection, 20, true);
    const twenty = await measureEffects('effects with 20 filters');
    await subscribe(connection, 180, true);
    const twoHundred = await measureEffects('effects with 200 filters');
    step(`${WAITING} deliveries for 200 subscribers`);
    await queue(connection);
    const claims: number[] = [];
    for (let claim = 0; claim < WARM + CLAIMS; claim += 1) {
      signal.throwIfAborted();
      const begun = performance.now();
      const [row] = await connection`
        select public.claim_due_deliveries(1, 1, 30, ${randomUUID()}) #>> '{deliveries,0,delivery_id}' as id`;
      if (row?.['id'] === null) throw new Error('nothing was claimed');
      if (claim >= WARM) claims.push(performance.now() - begun);
    }
    const goals: [string, number, number][] = [
      ['fan-out to 20, ms of CPU more an effect', twenty - none, 1],
      ['fan-out to 200, ms of CPU more an effect', twoHundred - none, 5],
      ['a claim among 1,000,000 waiting, ms, median', median(claims), 2],
    ];
    console.log(`\nan effect of 20 KB of metadata without subscribers: ${none.toFixed(2)} ms of CPU`);
    for (const [name, value, goal] of goals) {
      console.log(`${value <= goal ? 'reached' : 'MISSED '}  ${name}: ${value.toFixed(2)} (goal ${goal})`);
    }
    return goals.every(([, value, goal]) => value <= goal);
  } finally {
    connection.release();
  }
}

async function apply(sql: postgres.ISql, reports: readonly string[]): Promise<void> {
  const { id, envelope } = newEvent(reports, 6 * 1024);
  const body = { ...envelope, data: { ...envelope.data, research_metadata: METADATA } };
  const [row] = await sql<{ outcome: string }[]>`
    select public.apply_report_event(
      p_event_id => ${id}, p_body => ${JSON.stringify(body)}, p_endpoint_id => 'prelim-report') ->> 'outcome' as outcome`;
  if (row?.outcome !== 'applied') throw new Error(`an event was answered ${row?.outcome ?? 'nothing'}`);
}

/** Creates this many active subscribers. */
async function subscribe(sql: postgres.ISql, count: number, filtered: boolean): Promise<void> {
  const settings = {
    url: 'https://hooks.example.org/',
    description: 'bench',
    events: {},
    filter: filtered ? FILTER : null,
    format_version: 2,
    body: 'full',
    mode: 'every',
    rate_per_second: null,
  };
  for (let number = 0; number < count; number += 1) {
    const id = `ep-${randomUUID().slice(0, 18)}`;
    await sql`
      select public.create_endpoint(
        ${randomUUID()}, ${sql.json(settings)}, ${id}, 'sealed', ${randomUUID()}, 'bench', ${filtered ? compileFilter(FILTER) : null})`;
    const [begun] = await sql`
      select public.begin_endpoint_check(${id}, ${id}, 'bench') ->> 'check_id' as id`;
    await sql`select public.record_endpoint_check(${begun?.['id'] as string}, true, '[]')`;
  }
  await sql`update private.subscribers set limited_at = now() - interval '1 hour' where endpoint_id is not null`;
}

/** Inserts the deliveries that fan-out would make, one event per report. */
async function queue(sql: postgres.ISql): Promise<void> {
  await sql`
    insert into public.report_events (
      id, type, report_type, report_id, stage, requested_at, digest, channel, effect, position, applied_at)
    select 'waiting-' || number, 'report.prelim.completed', 'org', gen_random_uuid(), 'prelim', now(), 'none', 'import', 'applied', 1,
      now()
    from generate_series(1, ${WAITING / 200}) number`;
  await sql`
    insert into private.report_contents (event_id, research_report, research_metadata)
    select id, repeat('text ', 1000), '{}' from public.report_events where id like 'waiting-%'`;
  await sql`
    insert into public.webhook_deliveries (
      event_id, endpoint_id, report_type, report_id, position, format_version, created_xid)
    select event.id, subscriber.endpoint_id, 'org', event.report_id, 1, 2, pg_current_xact_id()
    from private.subscribers subscriber, public.report_events event
    where event.id like 'waiting-%'`;
  await sql`vacuum analyze public.webhook_deliveries`;
  // Autovacuum would do this within a minute.
  await sql`analyze public.webhook_endpoints, public.webhook_circuits, private.subscribers`;
}

function cpuOf(pid: number): number {
  const [nanoseconds = ''] = readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ');
  return Number(nanoseconds) / NANOSECONDS;
}
