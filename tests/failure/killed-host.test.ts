import { afterAll, beforeAll, expect, it } from 'vitest';
import { setTimeout as sleep } from 'node:timers/promises';
import { jobClient } from '../support/jobs.ts';
import { startLanguageModel, type SlowModel } from '../support/slow-model.ts';
import { startTestSystem, type TestSystem } from '../support/system.ts';

const JOBS = 50;
let system: TestSystem;
let model: SlowModel;
beforeAll(async () => {
  model = await startLanguageModel();
  system = await startTestSystem({
    functions: [
      'api/reportJobsDb.ts',
      'api/webhooks/prelim-report.ts',
      'api/cron/sweep.ts',
      'api/cron/take-over.ts',
    ],
    env: {
      JOB_LEASE_SECONDS: '5',
      WEBHOOK_TIMEOUT_MS: '1000',
      LLM_BASE_URL: model.url,
      LLM_MODELS: 'slow',
    },
  });
});
afterAll(async () => {
  await system.stop();
  await model[Symbol.asyncDispose]();
});

it(`${JOBS} jobs end as ${JOBS} results stored exactly once, though the host is killed while they run`, async () => {
  const { sql } = system;
  const pipeline = jobClient(system);
  const reports = await Promise.all(Array.from({ length: JOBS }, () => system.createReport()));
  const jobs = await Promise.all(reports.map(({ reportId }) => pipeline.request(reportId)));
  // Some are generating, some are being sent, some are done.
  await expect.poll(() => model.finished(), { interval: 5, timeout: 20_000 }).toBeGreaterThan(JOBS / 4);
  await system.functions.kill();
  const [killed] = await sql`select count(*)::int as open from private.job_runs where event_id is null`;
  expect(killed?.['open']).toBeGreaterThan(0);
  await system.functions.start();

  const unsettled = async () => {
    await fetch(system.url('/api/cron/sweep'), {
      headers: { authorization: `Bearer ${system.secrets.cronSecret}` },
    });
    // The schedule's first slot is half a minute away: what failed in the crash need not wait for it here.
    await sql`update public.webhook_deliveries set next_attempt = now() where status in ('failed', 'sent')`;
    await sleep(200);
    const [left] = await sql`
      select count(*)::int as count from private.job_runs job
      left join public.webhook_deliveries delivery on delivery.event_id = job.event_id
      where delivery.status is distinct from 'success'`;
    return left?.['count'] as number;
  };
  // A delivery's lease is the longest to wait for: two time-outs and its margin.
  await expect.poll(unsettled, { timeout: 60_000, interval: 300 }).toBe(0);

  const results = await sql`
    select job.job_id, job.status, event.effect, report.research_report = content.research_report as shown,
      (select count(*)::int from public.webhook_audit where event_id = event.id and outcome = 'applied') as applied,
      event.channel
    from private.job_runs job
    join public.report_events event on event.job_id = job.job_id
    join private.report_contents content on content.event_id = event.id
    join public.org_reports report on report.id = job.report_id`;
  expect(results.map((row) => row['job_id'] as string).sort()).toEqual([...jobs].sort());
  for (const row of results) {
    expect(row).toMatchObject({ status: 'succeeded', effect: 'applied', shown: true });
    expect(row['applied']).toBe(row['channel'] === 'webhook' ? 1 : 0);
  }
}, 120_000);
