import { expect, it } from 'vitest';
import { startReceiver } from '../support/receiver.ts';
import { storeClient } from '../support/store.ts';
import { startTestSystem } from '../support/system.ts';

it('is asked of the application that WEBHOOK_BASE_URL names, and of no other on its host', async () => {
  await using receiver = await startReceiver();
  receiver.behave({ kind: 'answer', status: 200, body: '{"outcome": "not_due"}' });
  await using system = await startTestSystem({
    functions: ['api/cron/sweep.ts'],
    env: { WEBHOOK_BASE_URL: receiver.baseUrl.replace('/api/', '/polaris/api/') },
  });
  const { reportId } = await system.createReport();
  const { run } = await storeClient(system.sql).request(reportId);
  await system.sql`
    update private.job_runs set lease_expires_at = now() - interval '1 second' where job_id = ${run.job_id}`;
  const response = await fetch(system.url('/api/cron/sweep'), {
    headers: { authorization: `Bearer ${system.secrets.cronSecret}` },
  });
  expect(await response.json()).toMatchObject({ errors: [] });
  expect(receiver.requests.map(({ path }) => path)).toEqual([
    `/polaris/api/cron/take-over?job_id=${run.job_id}`,
  ]);
});
