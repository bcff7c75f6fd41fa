import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { quantile, round } from './measure.ts';
import { endConnections } from '../local/end-connections.ts';

/** Durations of the readers' or writers' calls in one phase. */
export interface Waits {
  calls: number;
  medianMs: number;
  longestMs: number;
  /** Name of the longest call. */
  longest: string;
}

interface Traffic {
  /** Begins the next phase. Returns the measurements since the previous call. */
  nextPhase(): { reader: Waits; writer: Waits };
  /** @throws {Error} if any call has failed */
  stop(): Promise<void>;
}

interface Report {
  id: string;
  type: string;
  user_id: string;
}

/** Pause between two rounds, so that the traffic measures the database without loading it. */
const PAUSE_MS = 10;
const SAMPLE = 2_000;

/**
 * One reader and one writer on randomly chosen reports, until they are stopped: an owner who opens a report and a list, and a
 * function of the platform that runs a job to its end. Each call is a transaction of its own and is timed.
 */
export async function startTraffic(databaseUrl: string): Promise<Traffic> {
  const sql = postgres(databaseUrl, { max: 2, onnotice: () => undefined });
  const reports = await sql<Report[]>`
    select * from (
      select id, 'greeting' as type, user_id from public.greeting_reports
      union all select id, 'org', user_id from public.org_reports
      union all select id, 'requirement', user_id from public.requirement_reports) report
    order by random() limit ${SAMPLE}`;
  const [first] = reports;
  if (first === undefined) throw new Error('there is no report');
  const someReport = () => reports[Math.floor(Math.random() * reports.length)] ?? first;
  const reader = new Stopwatch();
  const writer = new Stopwatch();
  let stopped = false;
  const loop = async (round: () => Promise<void>) => {
    while (!stopped) {
      await round();
      await sleep(PAUSE_MS);
    }
  };
  const loops = Promise.all([
    loop(() => read(sql, someReport(), reader)),
    loop(() => runJob(sql, someReport(), writer)),
  ]);
  // stop() reports the error, possibly much later; until then it must not count as unhandled.
  loops.catch(() => undefined);
  return {
    nextPhase: () => ({ reader: reader.next(), writer: writer.next() }),
    async stop() {
      stopped = true;
      try {
        await loops;
      } finally {
        await endConnections(sql);
      }
    },
  };
}

class Stopwatch {
  #calls: { name: string; ms: number }[] = [];

  async time<T>(name: string, call: () => Promise<T>): Promise<T> {
    const started = performance.now();
    const result = await call();
    this.#calls.push({ name, ms: performance.now() - started });
    return result;
  }

  next(): Waits {
    const sorted = this.#calls.sort((one, other) => one.ms - other.ms);
    this.#calls = [];
    const longest = sorted.at(-1);
    if (longest === undefined) return { calls: 0, medianMs: 0, longestMs: 0, longest: '' };
    const times = sorted.map(({ ms }) => ms);
    return {
      calls: sorted.length,
      medianMs: round(quantile(times, 0.5)),
      longestMs: round(longest.ms),
      longest: longest.name,
    };
  }
}

/** Runs calls as PostgREST does: each with a role and the claims of its token. */
function as(
  sql: postgres.Sql,
  role: 'authenticated' | 'service_role',
  sub: string,
  call: (sql: postgres.TransactionSql) => Promise<unknown>,
): Promise<unknown> {
  return sql.begin(async (transaction) => {
    await transaction`
      select set_config('role', ${role}, true), set_config('request.jwt.claims', ${JSON.stringify({ role, sub })}, true)`;
    await call(transaction);
  });
}

async function read(sql: postgres.Sql, { id, type, user_id }: Report, reader: Stopwatch): Promise<void> {
  const table = `public.${type}_reports`;
  await reader.time('reading a report', () =>
    as(
      sql,
      'authenticated',
      user_id,
      (own) => own`
        select id, research_report, research_status, research_metadata, webhook_status from ${own(table)} where id = ${id}`,
    ),
  );
  await reader.time('listing reports', () =>
    as(
      sql,
      'authenticated',
      user_id,
      (own) => own`
        select id, research_status, created_at from ${own(table)} order by created_at desc limit 20`,
    ),
  );
  await reader.time('reading a job', () =>
    as(
      sql,
      'service_role',
      user_id,
      (server) => server`select status, percent from public.report_jobs where job_id = ${`of ${id}`}`,
    ),
  );
}

/** The database calls of a job function of the platform, in order. */
async function runJob(sql: postgres.Sql, { id, type }: Report, writer: Stopwatch): Promise<void> {
  const jobId = `job_${randomUUID()}`;
  const text = `# Written again\n\n${randomUUID()}`;
  const metadata = { job_id: jobId, processing_stage: 'prelim' };
  const write = (name: string, call: (server: postgres.TransactionSql) => Promise<unknown>) =>
    writer.time(name, () => as(sql, 'service_role', '', call));
  await write(
    'inserting a job',
    (server) => server`
      insert into public.report_jobs (job_id, status, prompt, idempotency_key, metadata)
      values (${jobId}, 'queued', 'What does the team need?', ${`${type}:${id}`}, '{}')`,
  );
  await write(
    'updating a job',
    (server) => server`
      update public.report_jobs set status = 'succeeded', percent = 100, result = ${text} where job_id = ${jobId}`,
  );
  await write(
    'writing a report',
    (server) => server`
      update ${server(`public.${type}_reports`)}
      set research_report = ${text}, research_status = 'completed', research_metadata = ${server.json(metadata)},
        webhook_status = 'success', webhook_job_id = ${jobId}
      where id = ${id}`,
  );
  await write(
    'inserting an audit row',
    (server) => server`
      insert into public.webhook_audit (webhook_type, job_id, report_id, report_table, request_payload, response_status)
      values ('prelim-report', ${jobId}, ${id}, ${`${type}_reports`}, ${server.json({ research_report: text })}, 200)`,
  );
}
