import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { functionEnv } from '../../tools/local/function-env.ts';
import { migrate } from '../../tools/local/migrate.ts';
import { projectRoot } from '../../tools/local/paths.ts';
import { createSecrets } from '../../tools/local/secrets.ts';
import { openDelivery } from '../../src/contracts/console-deliveries.ts';
import { jobSummary } from '../../src/contracts/console-reports.ts';
import { internalEndpoint } from '../../src/contracts/endpoints.ts';
import { parseWebhookSecret } from '../../src/server/deliver/secrets.ts';
import { sign } from '../../src/server/deliver/sign.ts';
import type { Receiver } from '../../src/server/events/open-signed.ts';
import { receiveWebhook } from '../../src/server/events/receive.ts';
import { createNewProject, type TestDatabase } from '../support/database.ts';
import { startTestFunctions, type TestFunctions } from '../support/functions.ts';
import { addHostileReports } from '../support/hostile-reports.ts';
import { buildPlatform } from '../support/platform.ts';
import { storeClient } from '../support/store.ts';
import { startTestSupabase, type TestSupabase } from '../support/supabase.ts';

/** Every state is there from 5,184 on. Fewer are spread over the states; 10,000 take minutes on a busy machine of two cores. */
const REPORTS = Number(process.env['HOSTILE_REPORTS'] ?? 2_000);
/** Deliveries that the sweep sends; the others wait until tomorrow. Of each kind of content some are among them. */
const SENT = 200;
/** Filling, pushing, importing and checking, on a machine that has other work too. */
const UPGRADE_MS = 600_000;
const TABLES = ['greeting', 'org', 'requirement'] as const;

interface Row {
  report_type: string;
  id: string;
  user_id: string;
  /** MD5; null for a text of white space. */
  text: string | null;
  metadata: string;
  rest: string;
  updated_at: string;
}

let database: TestDatabase;
let sql: postgres.Sql;
let before: Map<string, Row>;
let touched: string[];
let upgraded: { code: unknown; output: string };

function run(script: string): Promise<{ code: unknown; output: string }> {
  return new Promise((resolve) => {
    const options = { env: { ...process.env, DATABASE_URL: database.url } };
    execFile(process.execPath, [join(projectRoot, 'scripts', script)], options, (error, stdout, stderr) => {
      resolve({ code: error?.code ?? 0, output: stdout + stderr });
    });
  });
}

async function snapshot(): Promise<Map<string, Row>> {
  const rows = new Map<string, Row>();
  for (const type of TABLES) {
    const part = await sql<Row[]>`
      select ${type} as report_type, id, user_id,
        case when research_report ~ ${'[^\\s\\u00a0\\u3000\\ufeff]'} then md5(research_report) end as text,
        md5(research_metadata::text) as metadata,
        md5(row(user_data::text, summary_id, webhook_job_id, created_at)::text) as rest,
        updated_at::text
      from ${sql(`public.${type}_reports`)}`;
    for (const row of part) rows.set(row.id, row);
  }
  return rows;
}

/** Touches some reports before anybody imports them: the write itself imports. Returns which. */
async function touchSome(): Promise<string[]> {
  const ids: string[] = [];
  for (const type of TABLES) {
    const table = sql(`public.${type}_reports`);
    const some = await sql<{ id: string; user_id: string }[]>`
      select report.id, report.user_id from ${table} report join hostile.reports made on made.id = report.id
      where made.number % 40 < 2`;
    for (const [index, { id, user_id }] of some.entries()) {
      ids.push(id);
      if (index % 2 === 0) {
        await sql.begin(async (transaction) => {
          const claims = JSON.stringify({ role: 'authenticated', sub: user_id });
          await transaction`
            select set_config('request.jwt.claims', ${claims}, true), set_config('role', 'authenticated', true)`;
          await transaction`update ${table} set research_status = 'running' where id = ${id}`;
        });
      } else {
        await sql`select public.claim_report_delivery(${type}, ${id}, 0)`;
        await sql.begin(async (transaction) => {
          await transaction`select set_config('role', 'service_role', true)`;
          await transaction`update ${table} set webhook_status = 'sent', webhook_attempts = 7 where id = ${id}`;
        });
      }
    }
  }
  return ids;
}

beforeAll(async () => {
  database = await createNewProject({ alone: false });
  sql = database.sql;
  await buildPlatform(database.url, sql, 'history to 14');
  await addHostileReports(sql, REPORTS);
  await migrate(database.url);
  // An account that is deleted between the push and the import.
  await sql`delete from auth.users where id = hostile.uuid('user', 37)`;
  before = await snapshot();
  touched = await touchSome();
  upgraded = await run('upgrade.ts');
}, UPGRADE_MS);
afterAll(() => database.drop());

describe(`an upgrade of ${REPORTS} reports in every state`, () => {
  it(
    'imports every report, and breaks no invariant',
    async () => {
      expect(upgraded.output).toContain('reports imported in');
      expect(upgraded.code).toBe(0);
      expect(before.size).toBeGreaterThan(REPORTS * 0.94);
      expect(touched.length).toBeGreaterThan(REPORTS / 40);
      const { code, output } = await run('verify.ts');
      // Without its progress.
      expect(output.replaceAll(/^verify: \d+ %\n/gm, '')).toMatch(
        /^verify: 0 problems in \d+ events, \d+ deliveries and \d+ jobs\n$/,
      );
      expect(code).toBe(0);
    },
    UPGRADE_MS,
  );

  it('keeps every text with its metadata, and every column that is none of ours', async () => {
    const after = await snapshot();
    expect([...after.keys()].sort()).toEqual([...before.keys()].sort());
    const changed = [...before.values()].filter((row) => {
      const now = after.get(row.id);
      if (now?.rest !== row.rest) return true;
      // A report without a text may get the result that only its job has.
      if (row.text === null) return now.text === null && now.metadata !== row.metadata;
      const isLater = touched.includes(row.id) || now.updated_at === row.updated_at;
      return now.text !== row.text || now.metadata !== row.metadata || !isLater;
    });
    expect(changed.slice(0, 5)).toEqual([]);
    const restored = [...after.values()].filter(
      ({ id, text }) => text !== null && before.get(id)?.text === null,
    );
    expect(restored.length).toBeGreaterThan(REPORTS / 100);
  });

  it('makes nobody’s result another’s, and lets nobody read another’s job', async () => {
    // A result says for which report it was made; one of another person's job says that it is forged.
    const foreign = await sql`
      select event.id from public.report_events event join private.report_contents content on content.event_id = event.id
      where content.research_report ~ '^(FORGED|result) for '
        and split_part(content.research_report, ' ', 3) <> event.report_id::text
        or content.research_report like 'FORGED%'`;
    expect([...foreign].slice(0, 5)).toEqual([]);
    const readable = await sql`
      select run.job_id from private.job_runs run join public.report_jobs job on job.job_id = run.job_id
      where job.user_id <> run.user_id or job.result ~ ' for ' and split_part(job.result, ' ', 3) <> run.report_id::text`;
    expect([...readable].slice(0, 5)).toEqual([]);
    const [thefts] = await sql`
      select count(*)::int as tried from hostile.thefts
      join public.report_jobs job on job.job_id = thefts.job_id where job.result like 'result%'`;
    expect(thefts?.['tried']).toBeGreaterThan(REPORTS / 200);
    const [late] = await sql`
      select count(*)::int as rows from public.report_events where requested_at > now() or requested_at < '1969-12-31'`;
    expect(late?.['rows']).toBe(0);
  });

  it('shows deliveries and jobs that the console can read', async () => {
    const rows = await sql`
      select to_jsonb(delivery) || jsonb_build_object('id', id::text) as row from private.delivery_rows delivery`;
    z.array(openDelivery).parse(rows.map(({ row }) => row as unknown));
    const jobs = await sql`select to_jsonb(job) as row from private.job_rows job where report_id in (
      select id from hostile.reports)`;
    z.array(jobSummary).parse(jobs.map(({ row }) => row as unknown));
    expect(jobs.length).toBeGreaterThan(REPORTS / 4);
  });

  it(
    'closes the deliveries that their endpoint would refuse, and those alone',
    async () => {
      const keys = parseWebhookSecret(`whsec_${Buffer.alloc(32, 1).toString('base64')}`);
      const receiver: Receiver = {
        // What is read is applied nowhere: the answer tells it from what is refused.
        rpc: (name, _parameters, answer) =>
          Promise.resolve(answer.parse(name === 'apply_report_event' ? { outcome: 'busy' } : true)),
        verificationKeys: { keys },
        tellSubscribers: () => undefined,
        random: () => 0.5,
        now: () => Date.now(),
        monotonicNow: () => performance.now(),
        log: () => undefined,
      };
      const counts = { read: 0, refused: 0 };
      const rows = sql<{ event_id: string; endpoint_id: string; dead_reason: string | null; body: string }[]>`
      select delivery.event_id, delivery.endpoint_id, delivery.dead_reason, private.envelope(event) as body
      from public.webhook_deliveries delivery join public.report_events event on event.id = delivery.event_id
      where delivery.status <> 'success' and event.channel = 'import'`.cursor(100);
      const wrong: unknown[] = [];
      for await (const part of rows) {
        for (const { event_id, endpoint_id, dead_reason, body } of part) {
          const bytes = new TextEncoder().encode(body);
          const headers = { ...sign(keys, event_id, Date.now(), bytes), 'content-type': 'application/json' };
          const request = new Request('http://localhost/', { method: 'POST', headers, body: bytes });
          const { status } = await receiveWebhook(receiver, internalEndpoint.parse(endpoint_id), request);
          counts[status === 503 ? 'read' : 'refused'] += 1;
          if ((status === 503) === (dead_reason === 'unsendable'))
            wrong.push([event_id, status, dead_reason]);
        }
      }
      expect(wrong).toEqual([]);
      expect(counts.read).toBeGreaterThan(REPORTS / 10);
      expect(counts.refused).toBeGreaterThan(REPORTS / 50);
    },
    UPGRADE_MS,
  );

  describe('and its sweeps', () => {
    let supabase: TestSupabase;
    let functions: TestFunctions;
    const secrets = createSecrets();
    const post = (path: string, body?: object) =>
      fetch(functions.url + path, {
        method: body === undefined ? 'GET' : 'POST',
        headers: { authorization: `Bearer ${secrets.cronSecret}`, 'content-type': 'application/json' },
        ...(body && { body: JSON.stringify(body) }),
      });

    beforeAll(async () => {
      supabase = await startTestSupabase(database.url);
      functions = await startTestFunctions(
        [
          'api/webhooks/prelim-report.ts',
          'api/webhooks/final-report.ts',
          'api/webhooks/retry.ts',
          'api/cron/sweep.ts',
          'api/cron/take-over.ts',
        ],
        functionEnv(supabase, secrets),
      );
    }, UPGRADE_MS);
    afterAll(async () => {
      await functions.stop();
      await supabase.stop();
    });

    it(
      'deliver what was imported, and leave alone what is closed',
      async () => {
        await sql`
        update public.webhook_deliveries set next_attempt = now() + interval '1 day'
        where next_attempt is not null and id not in (
          select id from public.webhook_deliveries where next_attempt is not null order by md5(event_id) limit ${SENT})`;
        const response = await post('/api/webhooks/retry');
        expect(await response.json()).toEqual({
          processed: SENT,
          successes: SENT,
          failures: 0,
          dead: 0,
          errors: [],
        });

        const closed = await sql<{ report_type: string; report_id: string; event_id: string }[]>`
        select report_type, report_id, event_id from public.webhook_deliveries where dead_reason = 'unsendable'
        order by md5(event_id) limit 5`;
        expect(closed).toHaveLength(5);
        for (const body of closed) {
          const refused = await post('/api/webhooks/retry', body);
          expect(refused.status).toBe(409);
          expect(await refused.json()).toMatchObject({ code: 'delivery_closed' });
        }
        const store = storeClient(sql);
        expect(await store.redrive({ dead_reason: 'unsendable' })).toBe(0);
        expect(await store.redrive({ event_ids: closed.map(({ event_id }) => event_id) })).toBe(0);
        const [left] = await sql`
        select count(*)::int as rows from public.webhook_deliveries
        where event_id in ${sql(closed.map(({ event_id }) => event_id))} and dead_reason = 'unsendable' and attempts <= 1000`;
        expect(left).toEqual({ rows: 5 });
      },
      UPGRADE_MS,
    );

    it('end the jobs whose runner is silent', async () => {
      const due = () => sql<{ job_id: string }[]>`
        select job_id from private.job_runs where status in ('queued', 'running') and lease_expires_at < now()`;
      await sql`
        update private.job_runs set lease_expires_at = now() - interval '1 second'
        where job_id in (
          select job_id from private.job_runs where status in ('queued', 'running') order by md5(job_id) limit 40)`;
      const jobs = await due();
      expect(jobs).toHaveLength(40);
      const answer = (await (await post('/api/cron/sweep')).json()) as Record<string, unknown>;
      // Of some the runner has told the result, and died before it wrote the report.
      expect(answer).toMatchObject({ errors: [] });
      expect(Number(answer['taken_over']) + Number(answer['given_up'])).toBe(40);
      expect(answer['taken_over']).not.toBe(0);
      const ids = jobs.map(({ job_id }) => job_id);
      const running = () =>
        sql`select job_id, status from private.job_runs where job_id in ${sql(ids)} and status in ('queued', 'running')`;
      while ((await running()).length > 0) await sleep(100);
      const failed =
        await sql`select job_id, error from private.job_runs where job_id in ${sql(ids)} and status <> 'succeeded'`;
      expect([...failed]).toEqual([]);
    }, 120_000);

    it(
      'break no invariant',
      async () => {
        expect(await run('verify.ts')).toMatchObject({ code: 0 });
      },
      UPGRADE_MS,
    );
  });
});
