import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startDeliveryBed, type DeliveryBed } from '../support/delivery-bed.ts';

let bed: DeliveryBed;
beforeAll(async () => {
  bed = await startDeliveryBed();
});
afterAll(() => bed.stop());
beforeEach(() => bed.closeCircuits());

describe('who may', () => {
  it('an operator may until revoked; a user and unauthenticated callers may not; each refusal is audited', async () => {
    const operator = await bed.system.createOperator();
    const user = await bed.system.createUser();
    expect((await bed.call('GET', undefined, operator.accessToken)).status).toBe(200);
    await bed.system.sql`delete from public.operators where user_id = ${operator.id}`;
    const paths = ['/api/webhooks/retry', '/api/cron/sweep'];
    for (const path of paths) {
      expect(await bed.call('GET', undefined, operator.accessToken, path)).toMatchObject({ status: 403 });
      expect(await bed.call('GET', undefined, user.accessToken, path)).toMatchObject({ status: 403 });
      expect(await bed.call('GET', undefined, bed.system.secrets.pipelineApiKey, path)).toMatchObject({
        status: 401,
      });
    }
    expect(
      await bed.call('POST', {}, bed.system.secrets.pipelineApiKey, '/api/cron/take-over'),
    ).toMatchObject({
      status: 401,
    });
    const audit = await bed.system.sql`
      select count(*)::int as refusals from public.webhook_audit
      where outcome in ('unauthorized', 'forbidden') and request_payload ->> 'endpoint' in ('retry', 'sweep')`;
    expect([...audit]).toEqual([{ refusals: 6 }]);
  });
});

describe('the audit of refusals', () => {
  /** As though this minute, and the next, had seen so many requests that nobody vouched for. */
  const refusedAlready = async (requests: number) => {
    await bed.system.sql`delete from public.webhook_refusals where minute is not null`;
    await bed.system.sql`
      insert into public.webhook_refusals (minute, requests)
      select date_trunc('minute', now()) + minutes * interval '1 minute', ${requests} from generate_series(0, 1) minutes`;
  };

  it.each([
    ['/api/webhooks/retry', 'retry', ['PUT', 'PATCH', 'DELETE'], 'GET, POST'],
    ['/api/webhooks/redrive', 'redrive', ['GET', 'PUT', 'PATCH', 'DELETE'], 'POST'],
  ])('of %s has every method that is not allowed', async (path, endpoint, methods, allow) => {
    for (const method of methods) {
      const response = await fetch(bed.system.url(path), { method });
      expect(response.status).toBe(405);
      expect(response.headers.get('allow')).toBe(allow);
      expect(await response.json()).toMatchObject({ code: 'method_not_allowed' });
    }
    const audit = await bed.system.sql`
      select request_payload ->> 'method' as method, response_status, actor from public.webhook_audit
      where outcome = 'method_not_allowed' and request_payload ->> 'endpoint' = ${endpoint} order by created_at`;
    expect([...audit]).toEqual(methods.map((method) => ({ method, response_status: 405, actor: null })));
  });

  it('is capped for signed-in users as for unauthenticated callers, but not for operators', async () => {
    const user = await bed.system.createUser();
    const operator = await bed.system.createOperator();
    await refusedAlready(60);
    expect(await bed.call('GET', undefined, user.accessToken)).toMatchObject({ status: 403 });
    expect(await bed.call('GET', undefined, operator.accessToken)).toMatchObject({ status: 200 });
    await refusedAlready(0);
    expect(await bed.call('POST', {}, user.accessToken, '/api/webhooks/redrive')).toMatchObject({
      status: 403,
    });
    const audit = await bed.system.sql`
      select actor, outcome from public.webhook_audit where actor in (${user.id}, ${operator.id})
      order by created_at`;
    expect([...audit]).toEqual([
      { actor: operator.id, outcome: 'swept' },
      { actor: user.id, outcome: 'forbidden' },
    ]);
  });
});

describe('redriving dead letters', () => {
  const redrive = (body: object, token: string) => bed.call('POST', body, token, '/api/webhooks/redrive');

  async function deadLetter() {
    const failed = await bed.failedDelivery({ kind: 'answer', status: 500 });
    await bed.system.sql`
      update public.webhook_deliveries set dead_at = now(), dead_reason = 'attempts_exhausted', status = 'failed',
        next_attempt = null, rounds = 7
      where report_id = ${failed.reportId}`;
    const [row] = await bed.system.sql`
      select event_id from public.webhook_deliveries where report_id = ${failed.reportId}`;
    return { ...failed, eventId: row?.['event_id'] as string };
  }

  it('puts them back on schedule, sends them though their event has its effect, and says who did it', async () => {
    const operator = await bed.system.createOperator();
    const { reportId, eventId } = await deadLetter();
    expect(await redrive({ event_ids: [eventId] }, operator.accessToken)).toEqual({
      status: 200,
      json: { redriven: 1 },
    });
    expect(await bed.delivery(reportId)).toMatchObject({ status: 'failed', dead: false, rounds: 0 });
    expect((await bed.call('GET')).json).toMatchObject({ processed: 1, successes: 1 });
    expect(await bed.delivery(reportId)).toMatchObject({ status: 'success' });
    const audit = await bed.system.sql`
      select direction, outcome, actor from public.webhook_audit where event_id = ${eventId} order by created_at desc limit 3`;
    expect([...audit]).toEqual([
      { direction: 'out', outcome: 'delivered', actor: null },
      { direction: 'in', outcome: 'duplicate', actor: null },
      { direction: 'in', outcome: 'redriven', actor: operator.id },
    ]);
    // It is none any more.
    expect((await redrive({ event_ids: [eventId] }, operator.accessToken)).json).toEqual({ redriven: 0 });
  });

  it('takes all that match a filter, and leaves those whose report is gone', async () => {
    const operator = await bed.system.createOperator();
    const dead_after = new Date().toISOString();
    const some = [await deadLetter(), await deadLetter(), await deadLetter()];
    await bed.system.sql`delete from public.org_reports where id = ${some[2]?.reportId ?? ''}`;
    const filter = (change: object) => redrive({ filter: change }, operator.accessToken);
    expect((await filter({ report_type: 'greeting' })).json).toEqual({ redriven: 0 });
    expect((await filter({ error: 'answered 404' })).json).toEqual({ redriven: 0 });
    expect((await filter({ error: 'Answered 500', webhook_type: 'prelim-report', dead_after })).json).toEqual(
      {
        redriven: 2,
      },
    );
    expect((await filter({ dead_after })).json).toEqual({ redriven: 0 });
    await bed.call('GET');
  });

  it.each<[string, object]>([
    ['nothing', {}],
    ['no ids', { event_ids: [] }],
    ['an unknown filter', { filter: { colour: 'red' } }],
    ['a time that PostgreSQL does not take', { filter: { dead_after: '2026-01-01T00:00:00+18:00' } }],
    ['a year that PostgreSQL does not take', { filter: { dead_before: '0000-01-01T00:00:00Z' } }],
    ['U+0000', { filter: { error: 'a\u0000b' } }],
    ['half a surrogate pair', { filter: { error: '\ud800' } }],
    ['both', { event_ids: ['a'], filter: {} }],
  ])('refuses %s', async (_name, body) => {
    const operator = await bed.system.createOperator();
    expect(await redrive(body, operator.accessToken)).toMatchObject({
      status: 400,
      json: { code: 'invalid_body' },
    });
  });

  it('is for operators: not for users, unauthenticated callers, or the cron, which cannot give a reason', async () => {
    const user = await bed.system.createUser();
    expect((await redrive({ filter: {} }, user.accessToken)).status).toBe(403);
    expect((await redrive({ filter: {} }, 'stranger')).status).toBe(401);
    expect((await redrive({ filter: {} }, bed.system.secrets.cronSecret)).status).toBe(403);
  });
});
