import { randomUUID } from 'node:crypto';
import type postgres from 'postgres';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ALERT_RULES } from '../../src/contracts/alerts.ts';
import { alertsOf } from '../support/alerts.ts';
import { createReport, createTestDatabase, type TestDatabase } from '../support/database.ts';
import { storeClient, type Held } from '../support/store.ts';
import { subscriberClient } from '../support/subscribers.ts';

let database: TestDatabase;
let sql: postgres.Sql;
let store: ReturnType<typeof storeClient>;
let alerts: ReturnType<typeof alertsOf>;
beforeEach(async () => {
  database = await createTestDatabase();
  sql = database.sql;
  store = storeClient(sql);
  alerts = alertsOf(sql);
  await alerts.quiet();
});
afterEach(() => database.drop());

const CANARY = 'CANARY <!channel> of an owner';

/** A result that is to be sent; undefined while the circuit is open, which skips it. */
async function result(
  stage = 'final',
): Promise<{ reportId: string; jobId: string; delivery: Held | undefined }> {
  const { reportId, userId } = await createReport(sql, { userData: { title: CANARY } });
  const { run } = await store.request(reportId, { stage, prompt: CANARY });
  const { delivery } = await store.complete(run.job_id, run.lease_token, CANARY);
  expect(userId).not.toBe('');
  return { reportId, jobId: run.job_id, delivery };
}

async function attempts(count: number, outcome: 'delivered' | 'failed', durationMs = 5, stage = 'final') {
  for (let made = 0; made < count; made += 1) {
    const { delivery } = await result(stage);
    if (delivery === undefined) continue;
    const delivered = outcome === 'delivered';
    await store.record(delivery, outcome, [
      {
        status: delivered ? 200 : 502,
        duration_ms: durationMs,
        authentic: delivered,
        error: delivered ? null : CANARY,
        response: { body: CANARY },
      },
    ]);
  }
}

/** Of these rules alone: one fault may break several. */
const openOf = async (...rules: string[]) =>
  (await alerts.rows())
    .filter(({ rule, state }) => state !== 'resolved' && rules.includes(rule))
    .map(({ rule, subject, state }) => `${state} ${rule}:${subject}`);

/** The one alert of a rule. */
async function alertOf(rule: string) {
  const [alert, ...others] = (await alerts.rows()).filter((row) => row.rule === rule);
  expect(others).toEqual([]);
  return alert;
}

const stopSweeps = (age = '6 minutes') =>
  sql`update private.heartbeats set last_at = now() - ${age}::interval where source = 'sweep'`;

describe('the rules', () => {
  it('have each a row, a function and words', async () => {
    const rules = await sql`select rule from private.alert_rules order by rule`;
    expect(rules.map(({ rule }) => String(rule))).toEqual(Object.keys(ALERT_RULES).sort());
    const functions = await sql`
      select substr(proname, 10) as rule from pg_proc
      where pronamespace = 'private'::regnamespace and proname like 'alert\\_on\\_%' order by 1`;
    // Of a failing rule the evaluation itself tells.
    expect([...functions.map(({ rule }) => String(rule)), 'rule_failing'].sort()).toEqual(
      Object.keys(ALERT_RULES).sort(),
    );
  });

  it('say nothing while all is well, with traffic and without', async () => {
    expect(await alerts.evaluate()).toMatchObject({ evaluated: true, changes: [], failures: [] });
    await attempts(12, 'delivered');
    expect(await alerts.evaluate()).toMatchObject({ evaluated: true, changes: [], failures: [] });
    expect(await alerts.rows()).toEqual([]);
  });

  it('success_rate: by endpoint, only with enough attempts, and again once the circuit has closed', async () => {
    await attempts(9, 'failed');
    await alerts.evaluate();
    expect(await openOf('success_rate')).toEqual([]);
    await attempts(3, 'failed');
    await attempts(12, 'delivered', 5, 'prelim');
    await alerts.evaluate();
    expect(await openOf('success_rate')).toEqual(['pending success_rate:final-report']);
    await alerts.pass('1 minute');
    await alerts.evaluate();
    expect(await alertOf('success_rate')).toMatchObject({
      state: 'firing',
      affected: 12,
      facts: { attempts: 12, failed: 12, spared: 2 },
    });
    // A probe is answered: the circuit closes.
    await sql`update public.webhook_circuits set probe_after = now() where opened_at is not null`;
    const probe = await store.claim();
    if (probe === null) throw new Error('nothing to probe with');
    await store.record(probe, 'delivered', [{ status: 200, duration_ms: 5, authentic: true }]);
    await alerts.evaluate();
    await alerts.pass('1 minute');
    await alerts.evaluate();
    expect(await alertOf('success_rate')).toMatchObject({ state: 'resolved' });
  });

  it('latency: the 95th percentile over the limit', async () => {
    await attempts(10, 'delivered', 2_001);
    await attempts(10, 'delivered', 1_999, 'prelim');
    await alerts.evaluate();
    expect(await openOf('latency')).toEqual(['pending latency:final-report']);
    expect(await alertOf('latency')).toMatchObject({ facts: { attempts: 10, slow: 10, p95_ms: 2001 } });
  });

  it('queue_depth: deliveries that nobody is sending', async () => {
    await sql`update private.alert_rules set threshold = 2 where rule = 'queue_depth'`;
    for (let index = 0; index < 3; index += 1) await result();
    await alerts.evaluate();
    // Their senders hold them.
    expect(await openOf('queue_depth')).toEqual([]);
    await sql`update public.webhook_deliveries set lease_expires_at = now() - interval '1 second'`;
    await alerts.evaluate();
    expect(await openOf('queue_depth')).toEqual(['pending queue_depth:final-report']);
    expect(await alertOf('queue_depth')).toMatchObject({ affected: 3 });
  });

  it('queue_age and circuit_open: for longer than ten minutes', async () => {
    await attempts(10, 'failed');
    await alerts.evaluate();
    expect(await openOf('queue_age', 'circuit_open')).toEqual([]);
    await sql`update public.webhook_deliveries set created_at = created_at - interval '10 minutes'`;
    await sql`update public.webhook_circuits set opened_at = opened_at - interval '10 minutes' where opened_at is not null`;
    await alerts.evaluate();
    expect(await openOf('queue_age', 'circuit_open')).toEqual([
      'firing circuit_open:final-report',
      'firing queue_age:final-report',
    ]);
    expect(await alertOf('circuit_open')).toMatchObject({ affected: 10 });
  });

  it('dead_letters: new ones that a person can redrive', async () => {
    const { delivery } = await result();
    if (delivery === undefined) throw new Error('nothing to send');
    await store.record(delivery, 'refused', [
      { status: 409, duration_ms: 5, authentic: true, error: CANARY },
    ]);
    await alerts.evaluate();
    expect(await openOf('dead_letters')).toEqual(['firing dead_letters:final-report']);
    expect(await alertOf('dead_letters')).toMatchObject({
      facts: { dead_letters: 1, refused: 1, event_ids: [delivery.event_id] },
    });
    await store.redrive();
    await alerts.evaluate();
    await alerts.pass('1 minute');
    await alerts.evaluate();
    expect(await openOf('dead_letters')).toEqual([]);
  });

  it('dead_letters: not those of the import, and not those that are closed', async () => {
    for (const reason of ['import', 'report_deleted']) {
      const { delivery } = await result();
      if (delivery === undefined) throw new Error('nothing to send');
      await sql`select private.move_delivery(${delivery.delivery_id}, 'closed', p_reason => ${reason})`;
      await store.apply(delivery.event_id);
    }
    await alerts.evaluate();
    expect(await openOf('dead_letters')).toEqual([]);
  });

  describe('of subscribers', () => {
    let subscribers: ReturnType<typeof subscriberClient>;
    let endpointId: string;
    beforeEach(async () => {
      subscribers = subscriberClient(sql);
      ({ endpointId } = await subscribers.active());
    });

    /** So many events, each of which waits for the subscriber. */
    async function wait(count: number): Promise<void> {
      for (let made = 0; made < count; made += 1) {
        const { reportId } = await createReport(sql);
        await sql`update public.org_reports set research_report = 'by the platform' where id = ${reportId}`;
      }
    }
    /** All that waits is tried and fails, and is due again. */
    async function fail(status: number | null = 500): Promise<void> {
      for (;;) {
        const { delivery } = await subscribers.claim();
        if (delivery === null) break;
        await subscribers.record(delivery, 'failed', status);
      }
    }
    const since = (days: number) =>
      sql`update private.subscribers set failing_since = now() - make_interval(days => ${days}), state_since = now() - make_interval(days => ${days})`;
    const facts = async (rule: string) => (await alertOf(rule))?.facts as Record<string, string | number>;
    const inDays = (time: unknown) => Math.round((Date.parse(String(time)) - Date.now()) / 86_400_000);

    it('our own rules say nothing, however one fails', async () => {
      await wait(12);
      await fail();
      await sql`update public.webhook_circuits set opened_at = now() - interval '1 day', probe_after = now() where endpoint_id = ${endpointId}`;
      await sql`update public.webhook_deliveries set created_at = created_at - interval '1 day'`;
      await sql`
        insert into public.webhook_audit (direction, endpoint_id, outcome, duration_ms)
        select 'out', ${endpointId}, 'server_error', 9000 from generate_series(1, 12)`;
      await sql`update private.alert_rules set threshold = 2 where rule = 'queue_depth'`;
      await alerts.evaluate();
      expect((await alerts.rows()).filter(({ subject }) => subject === endpointId)).toEqual([]);
    });

    it('dead_letters: theirs too', async () => {
      await wait(1);
      const [open] = await subscribers.deliveries(endpointId);
      await sql`select private.move_delivery(${open?.['id'] as string}, 'closed', p_reason => 'pause_expired')`;
      await alerts.evaluate();
      expect(await openOf('dead_letters')).toEqual([`firing dead_letters:${endpointId}`]);
    });

    it('subscriber_failing: one that was sent something and accepts nothing, with when it is paused', async () => {
      await wait(2);
      await fail();
      await since(2);
      await alerts.evaluate();
      expect(await openOf('subscriber_failing')).toEqual([]);
      await since(4);
      await alerts.evaluate();
      expect(await openOf('subscriber_failing')).toEqual([`firing subscriber_failing:${endpointId}`]);
      expect(await alertOf('subscriber_failing')).toMatchObject({ affected: 2, facts: { waiting: 2 } });
      expect(inDays((await facts('subscriber_failing'))['paused_at'])).toBe(1);
      // It says nothing of one that nothing was sent to.
      await sql`update public.webhook_deliveries set last_attempt = now() - interval '3 days'`;
      await alerts.evaluate();
      await alerts.pass('1 minute');
      await alerts.evaluate();
      expect(await openOf('subscriber_failing')).toEqual([]);
    });

    it('subscriber_failing: also one of which only dead letters are left', async () => {
      await wait(1);
      await fail();
      const [open] = await subscribers.deliveries(endpointId);
      await sql`select private.move_delivery(${open?.['id'] as string}, 'closed', p_reason => 'attempts_exhausted')`;
      await since(4);
      await alerts.evaluate();
      expect(await openOf('subscriber_failing')).toEqual([`firing subscriber_failing:${endpointId}`]);
    });

    it.each([
      ['gone', () => fail(410)],
      ['secret_unreadable', () => sql`select public.pause_unreadable_endpoint(${endpointId})`],
      [
        'failing',
        async () => {
          await fail();
          await since(6);
          await subscribers.keep();
        },
      ],
    ])('subscriber_paused: at once when nobody has paused it (%s)', async (reason, pause) => {
      await wait(1);
      await pause();
      await alerts.evaluate();
      expect(await openOf('subscriber_failing', 'subscriber_paused')).toEqual([
        `firing subscriber_paused:${endpointId}`,
      ]);
      expect(await alertOf('subscriber_paused')).toMatchObject({ affected: 1, facts: { reason } });
      await subscribers.move(endpointId, 'active');
      await alerts.evaluate();
      await alerts.pass('1 minute');
      await alerts.evaluate();
      expect(await openOf('subscriber_paused')).toEqual([]);
    });

    it('subscriber_paused: by an operator, seven days before what waits is given up', async () => {
      await subscribers.move(endpointId, 'paused');
      await since(29);
      await alerts.evaluate();
      // Nothing waits.
      expect(await openOf('subscriber_paused')).toEqual([]);
      await wait(1);
      const age = (days: number) =>
        sql`update public.webhook_deliveries set next_attempt = now() - make_interval(days => ${days})`;
      await age(22);
      await alerts.evaluate();
      expect(await openOf('subscriber_paused')).toEqual([]);
      await age(24);
      await alerts.evaluate();
      expect(await openOf('subscriber_paused')).toEqual([`firing subscriber_paused:${endpointId}`]);
      expect(inDays((await facts('subscriber_paused'))['given_up_at'])).toBe(6);
      // The functions say how long that is.
      await subscribers.keep(60);
      await alerts.evaluate();
      await alerts.pass('1 minute');
      await alerts.evaluate();
      expect(await openOf('subscriber_paused')).toEqual([]);
    });
  });

  it('jobs_overdue: whose runner is gone and which no sweep took over', async () => {
    const { reportId } = await createReport(sql);
    const { run } = await store.request(reportId);
    await sql`update private.job_runs set lease_expires_at = now() - interval '170 seconds'`;
    await alerts.evaluate();
    expect(await openOf('jobs_overdue')).toEqual([]);
    await sql`update private.job_runs set lease_expires_at = now() - interval '181 seconds'`;
    await alerts.evaluate();
    expect(await openOf('jobs_overdue')).toEqual(['firing jobs_overdue:']);
    expect(await alertOf('jobs_overdue')).toMatchObject({ affected: 1, facts: { job_ids: [run.job_id] } });
    await store.takeOver(run.job_id);
    await alerts.evaluate();
    await alerts.pass('1 minute');
    await alerts.evaluate();
    expect(await openOf('jobs_overdue')).toEqual([]);
  });

  it('jobs_failing: by stage, and without ids that could be read as text', async () => {
    const fail = async (jobId: string, stage: string) => {
      const { reportId } = await createReport(sql);
      await store.request(reportId, { job_id: jobId, stage });
      await sql`
        select public.complete_report_job(
          p_job_id => ${jobId}, p_status => 'failed', p_delivery_lease_seconds => 30, p_lease_token => 1, p_error => ${CANARY})`;
    };
    for (const id of ['job_1', CANARY, 'job_3']) await fail(id, 'final');
    for (const id of ['job_4', 'job_5']) await fail(id, 'prelim');
    await alerts.evaluate();
    expect(await openOf('jobs_failing')).toEqual(['firing jobs_failing:final']);
    const alert = await alertOf('jobs_failing');
    expect(alert).toMatchObject({ affected: 3 });
    expect(alert?.facts).toMatchObject({ job_ids: ['job_3', 'job_1'] });
  });

  it('no_sweep: after five minutes, also where none has ever come', async () => {
    await stopSweeps('299 seconds');
    await alerts.evaluate();
    expect(await openOf('no_sweep')).toEqual([]);
    await stopSweeps();
    await alerts.evaluate();
    expect(await openOf('no_sweep')).toEqual(['firing no_sweep:']);
    await alerts.quiet();
    await sql`update private.heartbeats set last_at = null where source = 'sweep'`;
    await sql`update private.watch_state set installed_at = now() - interval '6 minutes'`;
    await alerts.evaluate();
    expect(await openOf('no_sweep')).toEqual(['firing no_sweep:']);
  });

  it('clock_difference: the clock of the functions is ahead or behind', async () => {
    const ahead = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString();
    await alerts.evaluate({ functionTime: ahead(20) });
    expect(await openOf('clock_difference')).toEqual([]);
    await alerts.evaluate({ functionTime: ahead(-60) });
    expect(await openOf('clock_difference')).toEqual(['pending clock_difference:']);
    await alerts.evaluate({ functionTime: ahead(0) });
    expect(await openOf('clock_difference')).toEqual([]);
  });

  it('secret_age: of secrets that the functions still have', async () => {
    await alerts.evaluate({ secrets: { WEBHOOK_SECRET: ['aaaa', 'bbbb'] } });
    await sql`update private.secret_fingerprints set first_seen_at = now() - interval '36 days'`;
    await alerts.evaluate({ secrets: { WEBHOOK_SECRET: ['cccc', 'aaaa'] } });
    expect(await openOf('secret_age')).toEqual(['firing secret_age:WEBHOOK_SECRET aaaa']);
    await alerts.evaluate({ secrets: { WEBHOOK_SECRET: ['cccc'] } });
    await alerts.pass('1 minute');
    await alerts.evaluate();
    expect(await openOf('secret_age')).toEqual([]);
    // A variable that was removed.
    await alerts.evaluate({ secrets: { WEBHOOK_SECRET: ['cccc'], ALERT_SECRET: ['dddd'] } });
    await sql`update private.secret_fingerprints set first_seen_at = now() - interval '36 days' where name = 'ALERT_SECRET'`;
    await alerts.evaluate({ secrets: { WEBHOOK_SECRET: ['cccc'] } });
    expect(await openOf('secret_age')).toEqual([]);
  });

  it('table_growth: against a day ago, by share and by size', async () => {
    await alerts.evaluate();
    const age = (interval: string) => sql`update private.table_sizes set at = at - ${interval}::interval`;
    await age('25 hours');
    await sql`update private.table_sizes set bytes = bytes / 10`;
    await alerts.evaluate();
    // Ten times as much, and a few hundred kilobytes.
    expect(await openOf('table_growth')).toEqual([]);
    await sql`update private.alert_rules set minimum = 1 where rule = 'table_growth'`;
    await sql`insert into public.webhook_refusals (minute, requests) select now() + n * interval '1 minute', 1 from generate_series(1, 40000) n`;
    await sql`analyze public.webhook_refusals`;
    await alerts.evaluate();
    expect(await openOf('table_growth')).toEqual(['firing table_growth:public.webhook_refusals']);
  });

  it('ping_failing and ping_slow: twice in a row', async () => {
    const ping = async (ok: boolean, duration_ms: number) => {
      const result = {
        address: 'polaris.example',
        ok,
        duration_ms,
        status: ok ? 200 : 502,
        error: ok ? null : 'odd',
      };
      await sql`select public.record_ping_results(${sql.json([result])})`;
      await sql`update private.ping_results set at = at - interval '5 minutes'`;
    };
    await ping(false, 5);
    await alerts.evaluate();
    expect(await openOf('ping_failing')).toEqual([]);
    await ping(false, 5);
    await alerts.evaluate();
    expect(await openOf('ping_failing', 'ping_slow')).toEqual(['firing ping_failing:polaris.example']);
    await ping(true, 2_001);
    await alerts.evaluate();
    await alerts.pass('1 minute');
    await alerts.evaluate();
    expect(await openOf('ping_failing', 'ping_slow')).toEqual([]);
    await ping(true, 2_002);
    await alerts.evaluate();
    expect(await openOf('ping_failing', 'ping_slow')).toEqual(['firing ping_slow:polaris.example']);
  });

  it('say what an owner or a receiver wrote nowhere', async () => {
    await attempts(12, 'failed');
    const { delivery } = await result('prelim');
    if (delivery === undefined) throw new Error('nothing to send');
    await store.record(delivery, 'refused', [
      { status: 409, duration_ms: 5, authentic: true, error: CANARY },
    ]);
    await sql`update public.webhook_deliveries set created_at = created_at - interval '10 minutes'`;
    await alerts.evaluate();
    await alerts.pass('2 minutes');
    await alerts.evaluate();
    expect((await alerts.sent()).length).toBeGreaterThan(2);
    const [said] = await sql`
      select (select jsonb_agg(to_jsonb(alert)) from public.alerts alert)::text
        || (select jsonb_agg(to_jsonb(delivery)) from public.alert_deliveries delivery)::text as text`;
    expect(said?.['text']).not.toContain('CANARY');
  });
});

describe('an alert', () => {
  it('that becomes good while it is pending is forgotten', async () => {
    await attempts(10, 'delivered', 3_000);
    await alerts.evaluate();
    expect(await openOf('latency')).toEqual(['pending latency:final-report']);
    await sql`update private.alert_rules set threshold = 5000 where rule = 'latency'`;
    await alerts.evaluate();
    expect(await alerts.rows()).toEqual([]);
  });

  it('resolves after a minute of good readings, and not when it is bad again within it', async () => {
    await stopSweeps();
    await alerts.evaluate();
    for (let time = 0; time < 2; time += 1) {
      await alerts.sweepNow();
      await alerts.evaluate();
      await alerts.pass('59 seconds');
      await alerts.evaluate();
      expect(await openOf('no_sweep')).toEqual(['firing no_sweep:']);
      await stopSweeps();
      await alerts.evaluate();
    }
    expect(await alerts.sent()).toEqual(['firing no_sweep:']);
    await alerts.sweepNow();
    await alerts.evaluate();
    await alerts.pass('60 seconds');
    expect((await alerts.evaluate()).changes).toMatchObject([{ rule: 'no_sweep' }]);
    expect(await alerts.sent()).toEqual(['firing no_sweep:', 'resolved no_sweep:']);
  });

  it('is a new one when it comes back after it was resolved', async () => {
    for (let time = 0; time < 2; time += 1) {
      await stopSweeps();
      await alerts.evaluate();
      await alerts.sweepNow();
      await alerts.evaluate();
      await alerts.pass('1 minute');
      await alerts.evaluate();
    }
    const rows = await alerts.rows();
    expect(rows.map(({ state }) => state)).toEqual(['resolved', 'resolved']);
    expect(new Set(rows.map(({ id }) => id)).size).toBe(2);
    const ids = await sql`select id from public.alert_deliveries`;
    expect(new Set(ids.map(({ id }) => String(id))).size).toBe(4);
  });

  it('of a rule that is turned off resolves, and nothing fires', async () => {
    await stopSweeps();
    await alerts.evaluate();
    await sql`update private.alert_rules set enabled = false where rule = 'no_sweep'`;
    await alerts.evaluate();
    await alerts.pass('1 minute');
    await alerts.evaluate();
    expect(await openOf('no_sweep')).toEqual([]);
  });

  it('is written to be sent as soon as there is an address', async () => {
    await stopSweeps();
    await alerts.evaluate({ notify: false });
    expect(await openOf('no_sweep')).toEqual(['firing no_sweep:']);
    expect(await alerts.sent()).toEqual([]);
    await alerts.evaluate();
    expect(await alerts.sent()).toEqual(['firing no_sweep:']);
  });

  it('goes with retention once it is resolved, and its deliveries with it', async () => {
    await stopSweeps();
    await alerts.evaluate();
    await alerts.pass('91 days');
    expect(await store.prune()).toMatchObject({ alerts: 0 });
    await alerts.sweepNow();
    await alerts.evaluate();
    await alerts.pass('1 minute');
    await alerts.evaluate();
    expect(await store.prune()).toMatchObject({ alerts: 0 });
    await alerts.pass('91 days');
    expect(await store.prune()).toMatchObject({ alerts: 1 });
    expect(await alerts.sent()).toEqual([]);
  });
});

describe('the evaluation', () => {
  it('is made by one of sixteen callers, and notifies once', async () => {
    await stopSweeps();
    // Held up, so that all sixteen meet.
    await sql.unsafe(`
      create or replace function private.alert_on_latency(p_rule private.alert_rules)
      returns table (subject text, value numeric, affected bigint, facts jsonb) language plpgsql as
        $$ begin perform pg_sleep(0.5); end $$`);
    const answers = await Promise.all(Array.from({ length: 16 }, () => alerts.evaluate()));
    expect(answers.filter(({ evaluated }) => evaluated)).toHaveLength(1);
    expect(await alerts.sent()).toEqual(['firing no_sweep:']);
  });

  it('goes on when a rule fails, which is an alert of its own until the rule works', async () => {
    await stopSweeps();
    const define = (body: string) =>
      sql.unsafe(`
        create or replace function private.alert_on_latency(p_rule private.alert_rules)
        returns table (subject text, value numeric, affected bigint, facts jsonb) language plpgsql as
          $$ begin ${body} end $$`);
    await define(`raise exception '${CANARY}' using errcode = 'PL042';`);
    const { failures } = await alerts.evaluate();
    expect(failures).toEqual([{ subject: 'latency', value: 1, affected: 1, facts: { sqlstate: 'PL042' } }]);
    expect(await openOf('no_sweep', 'rule_failing')).toEqual([
      'firing no_sweep:',
      'firing rule_failing:latency',
    ]);
    await define('return;');
    await alerts.evaluate();
    await alerts.pass('1 minute');
    await alerts.evaluate();
    expect(await openOf('no_sweep', 'rule_failing')).toEqual(['firing no_sweep:']);
  });

  it('goes on when a rule uses up the time of the whole call', async () => {
    await stopSweeps();
    await sql.unsafe(`
      create or replace function private.alert_on_latency(p_rule private.alert_rules)
      returns table (subject text, value numeric, affected bigint, facts jsonb) language plpgsql as
        $$ begin perform pg_sleep(60); end $$`);
    const evaluate = () =>
      sql.begin(async (limited) => {
        await limited`set local statement_timeout = '500ms'`;
        return alerts.evaluate({}, limited);
      });
    expect((await evaluate()).failures).toMatchObject([{ subject: 'latency', facts: { sqlstate: '57014' } }]);
    // It comes last from then on.
    expect((await evaluate()).failures).toMatchObject([{ subject: 'latency' }]);
    expect(await openOf('no_sweep', 'rule_failing')).toEqual([
      'firing rule_failing:latency',
      'firing no_sweep:',
    ]);
  });

  it('waits for no lock for long, of however many rules', async () => {
    await stopSweeps();
    await sql.begin(async (holder) => {
      await holder`lock table private.ping_results in access exclusive mode`;
      const { failures } = await alerts.evaluate();
      expect(failures).toMatchObject([
        { subject: 'ping_failing', facts: { sqlstate: '55P03' } },
        { subject: 'ping_slow', facts: { sqlstate: '55P03' } },
      ]);
    });
    expect(await openOf('no_sweep')).toEqual(['firing no_sweep:']);
    expect((await alerts.evaluate()).failures).toEqual([]);
  });

  it('keeps an alert of a rule that fails: whether it is good is unknown', async () => {
    await attempts(10, 'delivered', 3_000);
    await alerts.evaluate();
    await alerts.pass('2 minutes');
    await alerts.evaluate();
    await sql.unsafe(`
      create or replace function private.alert_on_latency(p_rule private.alert_rules)
      returns table (subject text, value numeric, affected bigint, facts jsonb) language plpgsql as
        $$ begin raise exception 'odd'; end $$`);
    await alerts.evaluate();
    await alerts.pass('10 minutes');
    await alerts.evaluate();
    expect(await openOf('latency')).toEqual(['firing latency:final-report']);
  });

  it('by a request is made only when no sweep came for three minutes, once in fifty seconds', async () => {
    const byRequest = async () => (await alerts.evaluate({ unlessSwept: true })).evaluated;
    expect(await byRequest()).toBe(false);
    await stopSweeps('2 minutes 50 seconds');
    expect(await byRequest()).toBe(false);
    await stopSweeps('3 minutes 1 second');
    expect(await byRequest()).toBe(true);
    expect(await byRequest()).toBe(false);
    await sql`update private.watch_state set evaluated_at = now() - interval '51 seconds'`;
    expect(await byRequest()).toBe(true);
  });
});

async function asOperator<T>(
  work: (sql: postgres.TransactionSql) => Promise<T>,
  { isOperator = true }: { isOperator?: boolean } = {},
): Promise<T> {
  const id = randomUUID();
  await sql`insert into auth.users (id, email) values (${id}, ${`${id}@example.com`})`;
  if (isOperator) await sql`insert into public.operators (user_id) values (${id})`;
  // Boxed: the client would await what it is given.
  const { value } = await sql.begin(async (person) => {
    await person`select set_config('request.jwt.claims', ${JSON.stringify({ sub: id, role: 'authenticated' })}, true),
      set_config('request.jwt.claim.sub', ${id}, true), set_config('role', 'authenticated', true)`;
    return { value: await work(person) };
  });
  return value;
}

async function silence(
  rule: string | null,
  subject: string | null = null,
  until = '1 hour',
): Promise<string> {
  const [row] = await asOperator(
    (person) =>
      person`select public.silence_alert('planned work', now() + ${until}::interval, ${rule}, ${subject}) as id`,
  );
  return String(row?.['id']);
}

describe('a silence', () => {
  it.each<[string, string | null, string | null, boolean]>([
    ['its rule', 'no_sweep', null, true],
    ['a part of its rule', 'no_*', null, true],
    ['every rule', null, null, true],
    ['its subject, which is empty', null, '*', true],
    ['another rule', 'latency', null, false],
    // An underscore stands for itself.
    ['a rule with another letter', 'no_swee_', null, false],
    ['another subject', 'no_sweep', 'final-report', false],
  ])('of %s', async (_name, rule, subject, isSilenced) => {
    await silence(rule, subject);
    await stopSweeps();
    await alerts.evaluate();
    expect(await openOf('no_sweep')).toEqual(['firing no_sweep:']);
    expect(await alerts.sent()).toEqual(isSilenced ? [] : ['firing no_sweep:']);
  });

  it('keeps back only until its end: what still fires is sent then', async () => {
    const id = await silence('no_sweep');
    await stopSweeps();
    await alerts.evaluate();
    expect(await alerts.sent()).toEqual([]);
    await sql`update public.alert_silences set until = now() - interval '1 second' where id = ${id}`;
    await alerts.evaluate();
    expect(await alerts.sent()).toEqual(['firing no_sweep:']);
  });

  it('is ended by an operator, once, and what it kept back is sent', async () => {
    const id = await silence('no_sweep');
    await stopSweeps();
    await alerts.evaluate();
    const end = () =>
      asOperator(async (person) => (await person`select public.end_silence(${id}) as ended`)[0]);
    expect(await end()).toEqual({ ended: true });
    expect(await end()).toEqual({ ended: false });
    await alerts.evaluate();
    expect(await alerts.sent()).toEqual(['firing no_sweep:']);
  });

  it('does not keep back the end of what people heard of', async () => {
    await stopSweeps();
    await alerts.evaluate();
    await silence('no_sweep');
    await alerts.sweepNow();
    await alerts.evaluate();
    await alerts.pass('1 minute');
    await alerts.evaluate();
    expect(await alerts.sent()).toEqual(['firing no_sweep:', 'resolved no_sweep:']);
  });

  it('is audited with who made and ended it', async () => {
    const id = await silence('no_sweep');
    await asOperator((person) => person`select public.end_silence(${id})`);
    const audit = await sql`
      select outcome, request_payload ->> 'silence_id' as silence, actor is not null as has_actor
      from public.webhook_audit order by created_at`;
    expect([...audit]).toEqual([
      { outcome: 'alerts_silenced', silence: id, has_actor: true },
      { outcome: 'silence_ended', silence: id, has_actor: true },
    ]);
  });

  it.each<[string, string, string]>([
    ['without a reason', ' ', '1 hour'],
    ['with a reason of 1001 characters', 'x'.repeat(1001), '1 hour'],
    ['that is over', 'why', '-1 minute'],
    ['for more than 30 days', 'why', '31 days'],
  ])('%s is refused', async (_name, reason, until) => {
    await expect(
      asOperator((person) => person`select public.silence_alert(${reason}, now() + ${until}::interval)`),
    ).rejects.toMatchObject({ code: '22023' });
  });

  it('is for operators alone, and so are alerts', async () => {
    const no = { isOperator: false };
    for (const call of [
      `silence_alert('why', now() + interval '1 hour')`,
      `end_silence('${randomUUID()}')`,
      'list_alerts()',
    ]) {
      await expect(asOperator((person) => person.unsafe(`select public.${call}`), no)).rejects.toMatchObject({
        code: '42501',
      });
    }
    await silence('no_sweep');
    await stopSweeps();
    await alerts.evaluate();
    for (const table of ['alerts', 'alert_silences', 'alert_deliveries']) {
      expect(await asOperator((person) => person`select from ${person(`public.${table}`)}`, no)).toHaveLength(
        0,
      );
    }
    expect(await asOperator((person) => person`select from private.alert_rules`, no)).toHaveLength(0);
    expect(await asOperator((person) => person`select from private.alert_rules`)).toHaveLength(
      Object.keys(ALERT_RULES).length,
    );
  });
});

describe('the list of alerts', () => {
  interface Page {
    open:
      | { rule: string; state: string; silenced_until: string | null; deliveries: { transition: string }[] }[]
      | null;
    rows: { id: string; rule: string }[];
    next: { at: string; id: string } | null;
    silences: { rule: string }[];
  }
  const list = (parameters = ''): Promise<Page> =>
    asOperator(async (person) => {
      const [row] = await person.unsafe(`select public.list_alerts(${parameters}) as page`);
      return row?.['page'] as Page;
    });

  it('has open ones first, with what was sent and silenced, then those that are over, page by page', async () => {
    for (let incident = 0; incident < 3; incident += 1) {
      await stopSweeps();
      await alerts.evaluate();
      await alerts.sweepNow();
      await alerts.evaluate();
      await alerts.pass('1 minute');
      await alerts.evaluate();
    }
    await attempts(10, 'delivered', 3_000);
    await silence('latency');
    await stopSweeps();
    await alerts.evaluate();
    const first = await list('p_limit => 2');
    expect(first.open).toMatchObject([
      { rule: 'no_sweep', state: 'firing', silenced_until: null, deliveries: [{ transition: 'firing' }] },
      { rule: 'latency', state: 'pending', silenced_until: expect.any(String) as string, deliveries: [] },
    ]);
    expect(first.silences).toMatchObject([{ rule: 'latency' }]);
    expect(first.rows).toHaveLength(2);
    const second = await list(
      `p_limit => 2, p_cursor_at => '${first.next?.at ?? ''}', p_cursor_id => '${first.next?.id ?? ''}'`,
    );
    expect(second).toMatchObject({ open: null, next: null });
    expect(new Set([...first.rows, ...second.rows].map(({ id }) => id)).size).toBe(3);
  });

  it('can be of one rule or subject', async () => {
    await stopSweeps();
    await attempts(10, 'delivered', 3_000);
    await alerts.evaluate();
    expect((await list(`p_rule => 'latency'`)).open).toMatchObject([{ rule: 'latency' }]);
    expect((await list(`p_subject => ''`)).open).toMatchObject([{ rule: 'no_sweep' }]);
    expect((await list(`p_subject => 'prelim-report'`)).open).toEqual([]);
  });
});
