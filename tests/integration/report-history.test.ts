import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Account } from '../../tools/local/accounts.ts';
import { verdictOfReport } from '../../src/console/views/report/verdict.ts';
import type { DatabaseClient } from '../../src/services/database.ts';
import { getReportHistory } from '../../src/services/report-history.ts';
import { cancelReportJob, repeatReportJob } from '../../src/services/report-jobs.ts';
import { consoleClient, dataOf, errorOf } from '../support/console.ts';
import { storeClient } from '../support/store.ts';
import { startTestSystem, type TestSystem } from '../support/system.ts';

let system: TestSystem;
let operator: DatabaseClient;
let operatorAccount: Account;
let owner: Account;
let store: ReturnType<typeof storeClient>;
beforeAll(async () => {
  system = await startTestSystem({ functions: ['api/reportJobsDb.ts'] });
  operatorAccount = await system.createOperator();
  operator = await consoleClient(system, operatorAccount);
  owner = await system.createUser();
  store = storeClient(system.sql);
});
afterAll(() => system.stop());

const create = (name = 'Harbour') =>
  system.createReport({ userId: owner.id, userData: { organisation_name: name } });
const historyOf = (report_id: string) =>
  dataOf(getReportHistory(operator, { report_type: 'org', report_id }));

/** Where each step of a report comes from, in their order. */
async function kindsOf(reportId: string) {
  return (await historyOf(reportId)).steps.map((step) => {
    const of = 'audit_id' in step && 'outcome' in step ? ` ${step.outcome ?? ''}` : '';
    return `${step.kind}${of}`;
  });
}

describe('the history of a report', () => {
  it('has its jobs, its event, each attempt and what comes next in one order', async () => {
    const { reportId } = await create();
    const { run } = await store.request(reportId, { stage: 'final' });
    const { delivery } = await store.complete(run.job_id, run.lease_token, '# Secret text');
    if (delivery === undefined) throw new Error('nothing was to be sent');
    await store.record(
      delivery,
      'failed',
      [1, 2].map(() => ({
        status: 502,
        error: 'answered 502',
        response: 'Bad gateway',
        duration_ms: 5,
        authentic: false,
      })),
    );
    const history = await historyOf(reportId);
    expect(history.report).toMatchObject({
      title: 'Harbour',
      organisation: 'Harbour',
      owner_email: owner.email,
      stage: 'final',
      winner_event_id: delivery.event_id,
    });
    expect(history.jobs).toMatchObject([{ job_id: run.job_id, state: 'succeeded' }]);
    expect(history.events).toMatchObject([{ id: delivery.event_id, effect: 'applied', channel: 'direct' }]);
    expect(history.deliveries).toMatchObject([{ status: 'failed', attempts: 2, response_status: 502 }]);
    expect((await kindsOf(reportId)).sort()).toEqual(
      [
        'job_requested',
        'event_committed',
        'job_finished',
        'attempt failed',
        'attempt failed',
        'effect',
        'next_attempt',
      ].sort(),
    );
    const times = history.steps.map((step) => Date.parse(step.at));
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(history.steps.at(-1)).toMatchObject({ kind: 'next_attempt', endpoint_id: 'final-report' });
    expect(JSON.stringify(history)).not.toContain('Secret text');
    const { sentences } = verdictOfReport(history);
    expect(JSON.stringify(sentences)).toContain('failed 2 times with 502');
  });

  it('says who cancelled a job and ran it again', async () => {
    const { reportId } = await create();
    const { job } = await store.request(reportId);
    const options = { baseUrl: system.functions.url };
    await dataOf(cancelReportJob(operator, job.job_id, options));
    await dataOf(repeatReportJob(operator, job.job_id, options));
    const actions = (await historyOf(reportId)).steps.filter(({ kind }) => kind === 'job_action');
    expect(actions).toMatchObject([
      { outcome: 'cancelled', actor: operatorAccount.id, job_id: job.job_id },
      { outcome: 'job_repeated', actor: operatorAccount.id, job_id: job.job_id },
    ]);
  });

  it('names the open circuit and the last sweep', async () => {
    const { reportId } = await create();
    await system.sql`
      insert into public.webhook_circuits (endpoint_id, opened_at, probe_after)
      values ('final-report', now(), now() + interval '1 minute')
      on conflict (endpoint_id) do update set opened_at = excluded.opened_at, probe_after = excluded.probe_after`;
    expect((await historyOf(reportId)).circuits).toMatchObject([{ endpoint_id: 'final-report' }]);
    await system.sql`update public.webhook_circuits set opened_at = null, probe_after = null`;
    expect((await historyOf(reportId)).circuits).toEqual([]);
    expect((await historyOf(reportId)).last_sweep).toBeNull();
  });

  it('is bounded, and says so', async () => {
    const { reportId } = await create();
    await system.sql`
      insert into public.webhook_audit (
        direction, outcome, report_table, report_id, error_message, created_at)
      select 'in', 'busy', 'org_reports', ${reportId}, repeat('x', 5000), now() - make_interval(secs => n)
      from generate_series(1, 250) n`;
    const { steps, truncated } = await historyOf(reportId);
    expect(truncated).toBe(true);
    expect(steps).toHaveLength(200);
    // The newest; and of a long error the beginning.
    expect(Date.parse(steps[0]?.at ?? '')).toBeGreaterThan(Date.now() - 230_000);
    expect(steps.map((step) => ('error' in step ? step.error?.length : 0))).toEqual(Array(200).fill(2000));
  });

  it('stays when the report is deleted, and is not found where there never was one', async () => {
    const { reportId } = await create();
    const { job } = await store.request(reportId);
    await system.sql`delete from public.org_reports where id = ${reportId}`;
    const history = await historyOf(reportId);
    expect(history.report).toBeNull();
    expect(history.jobs).toMatchObject([{ job_id: job.job_id }]);
    const unknown = { report_type: 'org', report_id: randomUUID() } as const;
    expect(await errorOf(getReportHistory(operator, unknown))).toMatchObject({ code: 'not_found' });
    const { data } = await operator.rpc('report_history', { p_report_type: 'x', p_report_id: reportId });
    expect(data).toBeNull();
  });

  it('is for operators alone', async () => {
    const { reportId } = await create();
    const asOwner = await consoleClient(system, owner);
    const report = { report_type: 'org', report_id: reportId } as const;
    expect(await errorOf(getReportHistory(asOwner, report))).toMatchObject({ code: '42501' });
  });
});
