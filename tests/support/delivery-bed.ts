import { jobClient } from './jobs.ts';
import { startReceiver, type Receiver } from './receiver.ts';
import { startTestSystem, type TestSystem } from './system.ts';

export type DeliveryBed = Awaited<ReturnType<typeof startDeliveryBed>>;

/** A system whose webhooks pass through a receiver that fails as told. */
export async function startDeliveryBed() {
  const receiver: Receiver = await startReceiver(() => system.functions.url);
  const system: TestSystem = await startTestSystem({
    functions: [
      'api/reportJobsDb.ts',
      'api/webhooks/prelim-report.ts',
      'api/webhooks/final-report.ts',
      'api/webhooks/retry.ts',
      'api/webhooks/redrive.ts',
      'api/cron/sweep.ts',
      'api/cron/take-over.ts',
    ],
    env: { WEBHOOK_BASE_URL: receiver.baseUrl, WEBHOOK_TIMEOUT_MS: '5000', WEBHOOK_MAX_RETRIES: '2' },
  });
  const pipeline = jobClient(system);

  /** So many failures open the circuits, which have their own tests. */
  const closeCircuits = () =>
    system.sql`update public.webhook_circuits set opened_at = null, probe_after = null, probe_delivery_id = null, probe_token = null,
      probe_lease_expires_at = null, closed_at = now()`;

  return {
    system,
    receiver,
    pipeline,
    closeCircuits,

    async call(
      method: 'GET' | 'POST',
      body?: object,
      token = system.secrets.cronSecret,
      path = '/api/webhooks/retry',
    ) {
      const response = await fetch(system.url(path), {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        ...(body && { body: JSON.stringify(body) }),
      });
      return { status: response.status, json: (await response.json()) as Record<string, unknown> };
    },

    /** A report whose webhook could not be delivered: its result came by the direct update. */
    async failedDelivery(behaviour: Parameters<Receiver['behave']>[0], change: object = {}) {
      await closeCircuits();
      const { reportId } = await system.createReport();
      receiver.behave(behaviour);
      const jobId = await pipeline.request(reportId, { ...change });
      const job = await pipeline.until(
        jobId,
        ({ webhook }) => webhook.status !== null && webhook.status !== 'pending',
      );
      receiver.behave({ kind: 'pass' });
      return { reportId, jobId, job };
    },

    /** A report's latest. */
    async delivery(reportId: string) {
      const [row] = await system.sql`
        select status, attempts, rounds, dead_reason, dead_at is not null as dead, next_attempt > now() as waits, response,
          extract(epoch from next_attempt - now())::int as seconds
        from public.webhook_deliveries where report_id = ${reportId} order by id desc limit 1`;
      return row;
    },

    makeDue: (reportId: string) =>
      system.sql`update public.webhook_deliveries set next_attempt = now() where report_id = ${reportId}`,

    async stop(): Promise<void> {
      await system.stop();
      await receiver[Symbol.asyncDispose]();
    },
  };
}
