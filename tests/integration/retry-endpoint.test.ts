import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { retryAnswer, sweepAnswer } from '../../src/contracts/retry.ts';
import { startDeliveryBed, type DeliveryBed } from '../support/delivery-bed.ts';
import { confirmed } from '../support/jobs.ts';
import { storeClient } from '../support/store.ts';

let bed: DeliveryBed;
beforeAll(async () => {
  bed = await startDeliveryBed();
});
afterAll(() => bed.stop());
beforeEach(() => bed.closeCircuits());

describe('POST', () => {
  it('sends the latest delivery now, then says that it has succeeded', async () => {
    const { reportId } = await bed.failedDelivery({ kind: 'reset' });
    const body = { report_type: 'org', report_id: reportId };
    const first = await bed.call('POST', body);
    expect(first).toEqual({ status: 200, json: { success: true, outcome: 'duplicate' } });
    expect(retryAnswer.parse(first.json).success).toBe(true);
    expect(await bed.delivery(reportId)).toMatchObject({ status: 'success' });
    const before = bed.receiver.requests.length;
    expect(await bed.call('POST', body)).toMatchObject({
      status: 200,
      json: { outcome: 'already_succeeded' },
    });
    expect(bed.receiver.requests.length).toBe(before);
    const audit = await bed.system.sql`
      select actor, outcome from public.webhook_audit
      where request_payload ->> 'endpoint' = 'retry' and report_id = ${reportId} order by created_at`;
    expect([...audit]).toEqual([
      { actor: 'cron', outcome: 'duplicate' },
      { actor: 'cron', outcome: 'already_succeeded' },
    ]);
  });

  it('sends the delivery of the event that is named, though a newer one has succeeded', async () => {
    const older = await bed.failedDelivery({ kind: 'reset' });
    const { reportId } = older;
    const newer = await bed.pipeline.request(reportId);
    await bed.pipeline.until(newer, confirmed);
    const [row] = await bed.system.sql`select event_id from private.job_runs where job_id = ${older.jobId}`;
    const event_id = String(row?.['event_id']);
    const body = { report_type: 'org', report_id: reportId };
    const before = bed.receiver.requests.length;
    expect(await bed.call('POST', body)).toMatchObject({ json: { outcome: 'already_succeeded' } });
    expect(await bed.call('POST', { ...body, event_id })).toMatchObject({ json: { outcome: 'duplicate' } });
    const sent = bed.receiver.requests.slice(before).map(({ headers }) => headers['webhook-id']);
    expect(sent).toEqual([event_id]);
    expect(await bed.call('POST', { ...body, event_id })).toMatchObject({
      json: { outcome: 'already_succeeded' },
    });
    const elsewhere = await bed.system.createReport();
    expect(await bed.call('POST', { ...body, report_id: elsewhere.reportId, event_id })).toMatchObject({
      status: 404,
      json: { code: 'delivery_not_found' },
    });
  });

  it('sends a failed final to the final endpoint', async () => {
    const { reportId } = await bed.failedDelivery({ kind: 'reset' }, { stage: 'final' });
    await bed.call('POST', { report_type: 'org', report_id: reportId, webhook_type: 'final-report' });
    expect(bed.receiver.requests.at(-1)?.path).toBe('/api/webhooks/final-report');
    expect(await bed.delivery(reportId)).toMatchObject({ status: 'success' });
  });

  it('answers 502 when it failed again, keeps count, and leaves the schedule as it was', async () => {
    const { reportId } = await bed.failedDelivery({ kind: 'reset' });
    const planned = await bed.delivery(reportId);
    bed.receiver.behave({ kind: 'answer', status: 500 });
    const answer = await bed.call('POST', { report_type: 'org', report_id: reportId });
    bed.receiver.behave({ kind: 'pass' });
    expect(answer).toMatchObject({ status: 502, json: { success: false, code: 'delivery_failed' } });
    expect(await bed.delivery(reportId)).toMatchObject({ status: 'failed', attempts: 4, rounds: 1 });
    const seconds = Number((await bed.delivery(reportId))?.['seconds']);
    expect(seconds).toBeLessThanOrEqual(Number(planned?.['seconds']));
  });

  it('revives a dead letter', async () => {
    const { reportId } = await bed.failedDelivery({ kind: 'reset' });
    await bed.system.sql`
      update public.webhook_deliveries set status = 'failed', dead_at = now(), dead_reason = 'attempts_exhausted',
        next_attempt = null where report_id = ${reportId}`;
    expect(await bed.call('POST', { report_type: 'org', report_id: reportId })).toMatchObject({
      status: 200,
    });
    expect(await bed.delivery(reportId)).toMatchObject({ status: 'success', dead: false });
  });

  it('answers 409 while another holds the lease', async () => {
    const { reportId } = await bed.failedDelivery({ kind: 'reset' });
    await bed.system.sql`
      update public.webhook_deliveries set lease_expires_at = now() + interval '1 minute', status = 'retrying'
      where report_id = ${reportId}`;
    expect(await bed.call('POST', { report_type: 'org', report_id: reportId })).toMatchObject({
      status: 409,
      json: { code: 'delivery_busy' },
    });
  });

  it('answers 400 and 404 for what is not there, and reaches no other path', async () => {
    const { reportId } = await bed.system.createReport();
    const before = bed.receiver.requests.length;
    const refused: [object, string][] = [
      [{ report_type: 'org', report_id: randomUUID() }, 'report_not_found'],
      [{ report_type: 'org', report_id: reportId }, 'delivery_not_found'],
      [{ report_type: 'org', report_id: reportId, webhook_type: '../..' }, 'invalid_body'],
      [{ report_type: '../..', report_id: reportId }, 'invalid_body'],
      [{ report_type: 'org' }, 'invalid_body'],
    ];
    for (const [body, code] of refused) expect((await bed.call('POST', body)).json).toMatchObject({ code });
    expect(bed.receiver.requests.length).toBe(before);
  });
});

describe('the sweep', () => {
  it('sends what is due and only that, once however many sweep at a time', async () => {
    const due = [];
    for (let count = 0; count < 5; count += 1)
      due.push(await bed.failedDelivery({ kind: 'answer', status: 500 }));
    const waiting = await bed.failedDelivery({ kind: 'answer', status: 500 });
    for (const { reportId } of due) await bed.makeDue(reportId);
    const before = bed.receiver.requests.length;
    const answers = await Promise.all([1, 2, 3].map(() => bed.call('GET')));
    const sums = answers.map(({ json }) => sweepAnswer.parse(json));
    expect(sums.reduce((sum, { successes }) => sum + successes, 0)).toBe(5);
    expect(bed.receiver.requests.length - before).toBe(5);
    for (const { reportId } of due) expect(await bed.delivery(reportId)).toMatchObject({ status: 'success' });
    expect(await bed.delivery(waiting.reportId)).toMatchObject({ status: 'failed', waits: true });
  });

  it('lists before it what it takes', async () => {
    const { reportId } = await bed.failedDelivery({ kind: 'answer', status: 500 });
    await bed.makeDue(reportId);
    const listed = await bed.system.sql`select record_id, job_id from public.get_failed_webhooks(99, 0)`;
    expect(listed).toMatchObject([{ record_id: reportId }]);
    await bed.call('GET');
    expect(await bed.system.sql`select from public.get_failed_webhooks(99, 0)`).toHaveLength(0);
  });

  it('takes up what a process left pending, sent or retrying when it died', async () => {
    for (const status of ['pending', 'sent', 'retrying']) {
      const { reportId } = await bed.failedDelivery({ kind: 'answer', status: 500 });
      await bed.system.sql`
        update public.webhook_deliveries set status = ${status}, next_attempt = now(),
          lease_expires_at = now() - interval '1 second' where report_id = ${reportId}`;
      expect((await bed.call('GET')).json).toMatchObject({ processed: 1, successes: 1 });
      expect(await bed.delivery(reportId)).toMatchObject({ status: 'success' });
    }
  });

  it('makes a dead letter of what failed in its last slot, whose result is still in its report', async () => {
    const { reportId, job } = await bed.failedDelivery({ kind: 'answer', status: 500 });
    await bed.system
      .sql`update public.webhook_deliveries set rounds = 6, next_attempt = now() where report_id = ${reportId}`;
    bed.receiver.behave({ kind: 'answer', status: 500 });
    expect((await bed.call('GET')).json).toMatchObject({ processed: 1, failures: 1, dead: 1 });
    bed.receiver.behave({ kind: 'pass' });
    expect(await bed.delivery(reportId)).toMatchObject({
      status: 'failed',
      dead_reason: 'attempts_exhausted',
    });
    const [report] = await bed.system
      .sql`select research_report from public.org_reports where id = ${reportId}`;
    expect(report).toEqual({ research_report: job.result });
  });

  it('sends what is due though more deliveries than it has workers cannot be recorded', async () => {
    const store = storeClient(bed.system.sql);
    const due = [];
    for (let count = 0; count < 13; count += 1) {
      const { reportId } = await bed.system.createReport();
      const { run } = await store.request(reportId);
      await store.complete(run.job_id, run.lease_token);
      due.push(reportId);
    }
    const [healthy = '', ...faulty] = due.toReversed();
    await bed.system.sql`
      update public.webhook_deliveries set lease_expires_at = now() - interval '1 second',
        next_attempt = now() - case when report_id = ${healthy} then interval '1 second' else interval '1 minute' end
      where report_id in ${bed.system.sql(due)}`;
    await bed.system.sql.unsafe(`
      create function private.refuse_attempts() returns trigger language plpgsql as $$
      begin raise exception 'refused' using errcode = 'data_exception'; end $$;
      create trigger refuse_attempts before insert on public.webhook_audit for each row
      when (new.direction = 'out' and new.report_id in (${faulty.map((id) => `'${id}'`).join()}))
      execute function private.refuse_attempts()`);
    try {
      expect((await bed.call('GET')).json).toMatchObject({
        processed: 13,
        successes: 1,
        errors: ['the call of record_delivery_attempts failed'],
      });
    } finally {
      await bed.system.sql`drop function private.refuse_attempts cascade`;
    }
    const sent = await bed.system.sql`
      select report_id from public.webhook_audit
      where report_id in ${bed.system.sql(due)} and direction = 'out'`;
    expect([...sent]).toEqual([{ report_id: healthy }]);
  });

  it('of the cron also takes over jobs whose runner died', async () => {
    const { reportId } = await bed.system.createReport();
    const jobId = await bed.pipeline.request(reportId, { generate: false });
    await bed.system.sql`
      update private.job_runs set generate = true, status = 'running', lease_expires_at = now() - interval '1 second'
      where job_id = ${jobId}`;
    const swept = await bed.call('GET', undefined, bed.system.secrets.cronSecret, '/api/cron/sweep');
    expect(swept).toMatchObject({ status: 200, json: { taken_over: 1, errors: [] } });
    expect((await bed.pipeline.until(jobId, confirmed)).status).toBe('succeeded');
    const again = await bed.call('GET', undefined, bed.system.secrets.cronSecret, '/api/cron/sweep');
    expect(again.json).toMatchObject({ taken_over: 0 });
  });
});
