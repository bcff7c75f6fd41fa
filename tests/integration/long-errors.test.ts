import { afterAll, beforeAll, expect, it } from 'vitest';
import { consoleClient } from '../support/console.ts';
import { storeClient } from '../support/store.ts';
import { startTestSystem, type TestSystem } from '../support/system.ts';

const LONG = 'x'.repeat(500_000);
/** Limit for all answers together, each of which contains the error several times. */
const MOST_BYTES = 60_000;

let system: TestSystem;
beforeAll(async () => {
  system = await startTestSystem({ functions: [] });
});
afterAll(() => system.stop());

it('an error of half a megabyte is cut in every list, and whole in none', async () => {
  const store = storeClient(system.sql);
  const operator = await consoleClient(system, await system.createOperator());
  const { reportId } = await system.createReport();
  const jobs: { jobId: string; eventId: string }[] = [];
  for (let count = 0; count < 3; count += 1) {
    const { run } = await store.request(reportId);
    const [row] = await system.sql<{ event_id: string }[]>`
      select public.complete_report_job(
        p_job_id => ${run.job_id}, p_status => 'failed', p_lease_token => ${run.lease_token}, p_error => ${LONG},
        p_delivery_lease_seconds => 30) #>> '{delivery,event_id}' as event_id`;
    jobs.push({ jobId: run.job_id, eventId: row?.event_id ?? '' });
  }
  const [{ jobId, eventId } = { jobId: '', eventId: '' }] = jobs;
  expect(eventId).not.toBe('');
  const answers = {
    list_report_jobs: await operator.rpc('list_report_jobs', { p_scope: 'all', p_limit: 50 }),
    list_jobs: await operator.rpc('list_jobs', { p_limit: 50 }),
    list_all_reports: await operator.rpc('list_all_reports', { p_limit: 50 }),
    event_timeline: await operator.rpc('event_timeline', { p_event_id: eventId }),
    trace: await operator.rpc('trace', { p_id: jobId }),
    report_history: await operator.rpc('report_history', { p_report_type: 'org', p_report_id: reportId }),
  };
  for (const [name, { data, error }] of Object.entries(answers)) {
    expect(error, name).toBeNull();
    const text = JSON.stringify(data);
    expect(text.length, name).toBeGreaterThan(100);
    expect(text.length, name).toBeLessThan(MOST_BYTES);
    if (name !== 'list_all_reports') expect(text, name).toContain('x'.repeat(400));
  }
});
