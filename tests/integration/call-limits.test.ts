import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MOST_STATEMENT_MS } from '../../tools/db/lint/sources.ts';
import { listReports } from '../../src/services/reports.ts';
import { CALL_TIMEOUT_MS, createRestStore } from '../../src/server/store/rest-store.ts';
import { DatabaseUnavailable } from '../../src/server/store/store.ts';
import { consoleClient } from '../support/console.ts';
import { storeClient } from '../support/store.ts';
import { startTestSystem, type TestSystem } from '../support/system.ts';
import { envelope, webhookClient } from '../support/webhook-client.ts';

/** A call through REST ends in the database before its caller gives it up: nothing commits later that nobody waits for. */

let system: TestSystem;
beforeAll(async () => {
  system = await startTestSystem({ functions: ['api/webhooks/prelim-report.ts'] });
});
afterAll(() => system.stop());

/** Of the platform: they state what the platform states. Trigger functions cannot be called. */
const PLATFORM_FUNCTIONS = ['cleanup_expired_report_jobs'];

describe('each function that a role may call through REST', () => {
  it('states a time limit that ends before the server gives the call up', async () => {
    const rows = await system.sql<{ name: string; ms: number | null }[]>`
      select proc.proname as name, (
        select extract(epoch from split_part(setting, '=', 2)::interval) * 1000 from unnest(proc.proconfig) setting
        where setting like 'statement_timeout=%')::int as ms
      from pg_proc proc
      where proc.pronamespace = 'public'::regnamespace and proc.prorettype <> 'trigger'::regtype
        and proc.proname <> all (${PLATFORM_FUNCTIONS})
        and exists (
          select from unnest(array['anon', 'authenticated', 'service_role']) role
          where has_function_privilege(role, proc.oid, 'execute'))
      order by name`;
    expect(rows.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'apply_report_event',
        'claim_due_delivery',
        'list_reports',
        'request_report_job',
      ]),
    );
    expect(rows.filter(({ ms }) => ms === null || ms <= 0 || ms > MOST_STATEMENT_MS)).toEqual([]);
    expect(MOST_STATEMENT_MS).toBeLessThan(CALL_TIMEOUT_MS);
  });
});

/** The statements of the REST layer that run now. */
async function running(): Promise<string[]> {
  const rows = await system.sql<{ query: string }[]>`
    select query from pg_stat_activity
    where datname = current_database() and usename = 'authenticator' and state <> 'idle'`;
  return rows.map(({ query }) => query);
}

describe('a call that waits for a lock', () => {
  it('ends by itself, answers its caller, and commits nothing afterwards', async () => {
    const { sql } = system;
    const store = storeClient(sql);
    const rest = createRestStore({
      url: system.supabase.url,
      secretKey: system.supabase.secretKey,
      fetch,
    });
    const console_ = await consoleClient(system, await system.createOperator());
    // A report for each of the two ways to write a result: by the webhook, and directly by the sender of a failed attempt.
    const [confirmed, direct, due] = [
      await system.createReport(),
      await system.createReport(),
      await system.createReport({ type: 'greeting' }),
    ];
    const { run } = await store.request(direct.reportId);
    const { delivery } = await store.complete(run.job_id, run.lease_token);
    const other = await store.request(due.reportId, { report_type: 'greeting' });
    const { delivery: dueDelivery } = await store.complete(other.run.job_id, other.run.lease_token);
    if (delivery === undefined || dueDelivery === undefined) throw new Error('the circuit is open');
    await store.record(dueDelivery, 'failed');
    const eventId = `evt_${randomUUID()}`;

    const refused = async (call: Promise<unknown>) => {
      const error: unknown = await call.then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(error).toBeInstanceOf(DatabaseUnavailable);
      return error instanceof DatabaseUnavailable ? error.cause : undefined;
    };
    const answer = z.unknown();
    const answers = await sql.begin(async (holder) => {
      await holder`
        select from public.org_reports where id in ${holder([confirmed.reportId, direct.reportId])} for update`;
      // Reading a list takes no row's lock: a whole table is held, as by a migration.
      await holder`lock table public.greeting_reports in access exclusive mode`;
      const calls = await Promise.all([
        webhookClient(system, system.secrets.webhookSecret).post(envelope({ reportId: confirmed.reportId }), {
          id: eventId,
        }),
        refused(
          rest.rpc(
            'record_delivery_attempts',
            {
              p_delivery_id: delivery.delivery_id,
              p_delivery_token: delivery.delivery_token,
              p_result: 'failed',
              p_attempts: [{ status: 500, duration_ms: 5, authentic: false }],
            },
            answer,
          ),
        ),
        refused(
          rest.rpc(
            'claim_report_delivery',
            { p_report_type: 'greeting', p_report_id: due.reportId, p_lease_seconds: 30 },
            answer,
          ),
        ),
        listReports(console_),
      ]);
      // The locks are still held: each call has ended by itself. What the function asks after its answer has its own time.
      const deadline = Date.now() + CALL_TIMEOUT_MS;
      while ((await running()).length > 0 && Date.now() < deadline) await sleep(20);
      expect(await running()).toEqual([]);
      return calls;
    });
    const [webhook, recorded, claimed, listed] = answers;
    expect(webhook).toMatchObject({ status: 503, says: 'database_unavailable' });
    // The database's own word, not that of a caller who has left.
    expect(recorded).toMatchObject({ code: '57014' });
    expect(claimed).toMatchObject({ code: '57014' });
    expect(listed.error).not.toBeNull();
    const late = await sql`
      select id from public.report_events where id = ${eventId} or effect is not null and report_id = ${direct.reportId}
      union all
      select id::text from public.webhook_deliveries
      where id = ${dueDelivery.delivery_id} and lease_expires_at > now()`;
    expect([...late]).toEqual([]);
  });
});
