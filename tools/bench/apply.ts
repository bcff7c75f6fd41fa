import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { endConnections } from '../local/end-connections.ts';
import { asRole } from '../local/hosted-roles.ts';
import { migrate } from '../local/migrate.ts';
import { freePort } from '../local/ports.ts';
import { prepareDatabase } from '../local/prepare-database.ts';
import { createSecrets } from '../local/secrets.ts';
import { startPostgresService } from '../local/services.ts';

const REPORTS = 400;
const CALLERS = 16;
const ROUNDS = 5;
const WARM = 30;
/** Limits for a received 6 KB event at 16 callers: multixacts and bytes of WAL. */
const MOST_MULTIXACTS = 0.05;
const MOST_WAL_BYTES = 12 * 1024;

interface Costs {
  events: number;
  /** CPU time of the server processes that ran the calls. */
  cpuMs: number;
  elapsedMs: number;
  walBytes: number;
  walRecords: number;
  multixacts: number;
}

interface Kind {
  name: string;
  callers: number;
  count: number;
  /** Prepares one event. Only the returned call is measured. */
  prepare: (sql: postgres.ISql, reports: readonly string[]) => Promise<Call>;
}

type Call = (sql: postgres.ISql) => Promise<void>;

const NOTHING: Costs = { events: 0, cpuMs: 0, elapsedMs: 0, walBytes: 0, walRecords: 0, multixacts: 0 };

const KINDS: readonly Kind[] = [
  { name: 'webhook of 6 KB', callers: 1, count: 100, prepare: webhook(6 * 1024) },
  { name: 'webhook of 6 KB', callers: CALLERS, count: 400, prepare: webhook(6 * 1024) },
  { name: 'webhook of 200 KB', callers: 1, count: 20, prepare: webhook(200 * 1024) },
  { name: 'job of 6 KB, from its result to its delivery', callers: 1, count: 50, prepare: job(6 * 1024) },
  {
    name: 'job of 6 KB, from its result to its delivery',
    callers: CALLERS,
    count: 200,
    prepare: job(6 * 1024),
  },
];

/**
 * `npm run bench -- apply [FOLDER]`: the database cost of an event. FOLDER is a working copy of another version, measured in
 * turns with this one.
 * @returns whether the goals were reached
 */
export async function benchApply(signal: AbortSignal, before?: string): Promise<boolean> {
  const { databasePassword } = createSecrets();
  await using stack = new AsyncDisposableStack();
  const server = await startPostgresService({
    directory: await mkdtemp(join(tmpdir(), 'polaris-apply-')),
    port: await freePort(),
    password: databasePassword,
    temporary: true,
    // Full-page images after a checkpoint are not caused by a single event.
    settings: { full_page_writes: 'off' },
  });
  stack.defer(() => server.stop());
  const { url } = server.state();
  const beds: { name: string; bed: Bed }[] = [];
  for (const [name, folder] of [
    ['before', before],
    ['now', process.cwd()],
  ] as const) {
    if (folder === undefined) continue;
    const bed = await prepareBed(url, `bench_${name}`, folder);
    stack.defer(() => bed.end());
    beds.push({ name, bed });
  }
  const results: { kind: Kind; name: string; costs: Costs }[] = [];
  for (const kind of KINDS) {
    const measured = beds.map(({ name, bed }) => ({ kind, name, bed, costs: NOTHING }));
    for (let round = 0; round <= ROUNDS; round += 1) {
      for (const one of measured) {
        signal.throwIfAborted();
        // The first round warms up.
        const costs = await measureKind(one.bed, kind, round === 0 ? WARM : kind.count);
        if (round > 0) one.costs = sum(one.costs, costs);
      }
    }
    for (const { name, costs } of measured) {
      results.push({ kind, name, costs });
      console.log(describe(kind, name, costs));
    }
  }
  const received = results.find(({ kind, name }) => name === 'now' && kind === KINDS[0])?.costs ?? NOTHING;
  const together = results.find(({ kind, name }) => name === 'now' && kind === KINDS[1])?.costs ?? NOTHING;
  const goals: [string, number, number][] = [
    ['WAL of a received event of 6 KB, bytes', received.walBytes / received.events, MOST_WAL_BYTES],
    ['multixacts of a received event at 16 callers', together.multixacts / together.events, MOST_MULTIXACTS],
  ];
  for (const [name, value, goal] of goals) {
    console.log(`${value <= goal ? 'reached' : 'MISSED '}  ${name}: ${value.toFixed(2)} (goal ${goal})`);
  }
  return goals.every(([, value, goal]) => value <= goal);
}

interface Bed {
  reports: readonly string[];
  sql: postgres.Sql;
  admin: postgres.Sql;
  connections: { sql: postgres.ReservedSql; pid: number }[];
  end(): Promise<void>;
}

async function prepareBed(server: string, name: string, folder: string): Promise<Bed> {
  const control = postgres(server, { max: 1, onnotice: () => undefined });
  await control.unsafe(`create database ${name} template template0`);
  await endConnections(control);
  const url = new URL(server);
  url.pathname = name;
  await prepareDatabase(url.href);
  await migrate(url.href, folder);
  const sql = postgres(url.href, { max: CALLERS + 1, onnotice: () => undefined });
  const admin = postgres(asRole(url.href, 'supabase_admin'), { max: 1, onnotice: () => undefined });
  const reports = Array.from({ length: REPORTS }, () => randomUUID());
  const owners = sql`jsonb_array_elements_text(${sql.json(reports)}) id`;
  await sql`insert into auth.users (id, email) select id::uuid, id || '@example.com' from ${owners}`;
  await sql`insert into public.org_reports (id, user_id, user_data)
    select id::uuid, id::uuid, jsonb_build_object('title', 'Skills at the harbour ' || left(id, 8)) from ${owners}`;
  // A rate limit that is checked for each event and never reached.
  await sql`update private.rate_limits set tokens_per_minute = 1000000, burst = 1000000 where kind in ('sender', 'report')`;
  const connections: Bed['connections'] = [];
  for (let caller = 0; caller < CALLERS; caller += 1) {
    const connection = await sql.reserve();
    const [row] = await connection<{ pid: number }[]>`select pg_backend_pid() as pid`;
    connections.push({ sql: connection, pid: row?.pid ?? 0 });
  }
  return {
    reports,
    sql,
    admin,
    connections,
    async end() {
      for (const { sql: connection } of connections) connection.release();
      await endConnections(sql);
      await endConnections(admin);
    },
  };
}

async function measureKind(bed: Bed, { callers, prepare }: Kind, count: number): Promise<Costs> {
  const calls: Call[] = [];
  for (let call = 0; call < count; call += 1) calls.push(await prepare(bed.sql, bed.reports));
  const used = bed.connections.slice(0, callers);
  await bed.admin`checkpoint`;
  const before = await readServer(bed.admin, used);
  const begun = performance.now();
  await Promise.all(
    used.map(async ({ sql }) => {
      for (let call = calls.pop(); call !== undefined; call = calls.pop()) await call(sql);
    }),
  );
  const elapsedMs = performance.now() - begun;
  const cpuMs = used.reduce((total, { pid }) => total + cpuOf(pid), 0) - before.cpuMs;
  const after = await readServer(bed.admin, used);
  // pg_control_checkpoint() shows the next multixact as of the last checkpoint.
  await bed.admin`checkpoint`;
  const { multixacts } = await readServer(bed.admin, used);
  return {
    events: count,
    elapsedMs,
    cpuMs,
    walBytes: after.walBytes - before.walBytes,
    walRecords: after.walRecords - before.walRecords,
    multixacts: multixacts - before.multixacts,
  };
}

async function readServer(admin: postgres.Sql, connections: Bed['connections']) {
  // A process publishes its statistics with its next statement.
  for (const { sql } of connections) await sql`select pg_stat_force_next_flush()`;
  const [row] = await admin<{ bytes: string; records: string; multixacts: string }[]>`
    select pg_current_wal_insert_lsn() - '0/0'::pg_lsn as bytes, wal_records as records, next_multixact_id::text as multixacts
    from pg_stat_wal, pg_control_checkpoint()`;
  return {
    walBytes: Number(row?.bytes),
    walRecords: Number(row?.records),
    multixacts: Number(row?.multixacts),
    cpuMs: connections.reduce((total, { pid }) => total + cpuOf(pid), 0),
  };
}

let counter = 0;

/** An event of an unknown job, newer than all previous ones. */
export function webhook(bytes: number): Kind['prepare'] {
  return (_, reports) => {
    const number = ++counter;
    const requested = new Date().toISOString();
    const id = `evt_${randomUUID()}`;
    const body = JSON.stringify({
      type: 'report.prelim.completed',
      timestamp: requested,
      data: {
        job_id: `bench_${randomUUID()}`,
        report_id: reports[number % reports.length],
        report_type: 'org',
        research_report: text(bytes),
        research_status: 'completed',
        requested_at: requested,
        research_metadata: { model: 'bench', number },
      },
    });
    return Promise.resolve((sql) => apply(sql, id, body));
  };
}

/** A job of the pipeline: completed, received as a webhook, and recorded by its sender. */
function job(bytes: number): Kind['prepare'] {
  return async (sql, reports) => {
    const reportId = reports[++counter % reports.length] ?? '';
    const jobId = `bench_${randomUUID()}`;
    await sql`
      insert into private.job_runs (job_id, report_type, report_id, stage, user_id, caller, status, lease_token, lease_expires_at)
      values (${jobId}, 'org', ${reportId}, 'prelim', ${reportId}, 'pipeline', 'running', 1, now() + interval '1 hour')`;
    const result = text(bytes);
    return async (connection) => {
      const [row] = await connection<
        { delivery: { delivery_id: number; delivery_token: number; event_id: string; body: string } }[]
      >`
        select public.complete_report_job(${jobId}, 'completed', 60, 1, ${result}, '{"model": "bench"}') -> 'delivery' as delivery`;
      if (!row?.delivery) throw new Error('the job was not completed');
      const { delivery_id, delivery_token, event_id, body } = row.delivery;
      await apply(connection, event_id, body);
      await connection`
        select public.record_delivery_attempts(${delivery_id}, ${delivery_token}, 'delivered',
          '[{"status": 200, "authentic": true, "duration_ms": 5}]')`;
    };
  };
}

async function apply(sql: postgres.ISql, id: string, body: string): Promise<void> {
  const [row] = await sql<{ outcome: string }[]>`
    select public.apply_report_event(
      p_event_id => ${id}, p_body => ${body}, p_endpoint_id => 'prelim-report', p_body_sha256 => ${'0'.repeat(64)},
      p_body_bytes => ${body.length}, p_elapsed_ms => 1, p_sender => 'bench', p_cap_per_minute => 60,
      p_trace_id => ${randomBytes(16).toString('hex')}, p_span_id => '00f067aa0ba902b7') ->> 'outcome' as outcome`;
  if (row?.outcome !== 'applied') throw new Error(`an event was answered ${row?.outcome ?? 'nothing'}`);
}

/** Prose with headings and lists, like a report. */
const LINES = ['operations', 'contract', 'failure-modes']
  .flatMap((name) => readFileSync(new URL(`../../docs/${name}.md`, import.meta.url), 'utf8').split('\n'))
  .filter((line) => line !== '' && !line.startsWith('|'));

function text(bytes: number): string {
  let written = '';
  while (written.length < bytes) written += `${LINES[randomInt(LINES.length)]}\n`;
  return written.slice(0, bytes);
}

function sum(one: Costs, other: Costs): Costs {
  return {
    events: one.events + other.events,
    elapsedMs: one.elapsedMs + other.elapsedMs,
    cpuMs: one.cpuMs + other.cpuMs,
    walBytes: one.walBytes + other.walBytes,
    walRecords: one.walRecords + other.walRecords,
    multixacts: one.multixacts + other.multixacts,
  };
}

function describe({ name: kind, callers }: Kind, name: string, costs: Costs): string {
  const each = (value: number, digits: number) => (value / costs.events).toFixed(digits);
  return [
    `${kind}, ${callers} at once, ${name}:`,
    `${each(costs.cpuMs, 2)} ms of CPU,`,
    `${each(costs.walBytes / 1024, 1)} KB of WAL in ${each(costs.walRecords, 0)} records,`,
    `${each(costs.multixacts, 2)} multixacts,`,
    `${((costs.events / costs.elapsedMs) * 1000).toFixed(0)}/s`,
  ].join(' ');
}

function cpuOf(pid: number): number {
  const [nanoseconds = ''] = readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ');
  return Number(nanoseconds) / 1e6;
}
