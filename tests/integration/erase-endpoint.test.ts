import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Account } from '../../tools/local/accounts.ts';
import { eraseAccount, findAccountContent } from '../../src/services/erasure.ts';
import { consoleClient, dataOf, errorOf } from '../support/console.ts';
import { asUser } from '../support/locks.ts';
import { storeClient } from '../support/store.ts';
import { startTestSystem, type TestSystem } from '../support/system.ts';

let system: TestSystem;
let operator: Account;
let options: { baseUrl: string };
beforeAll(async () => {
  system = await startTestSystem({ functions: ['api/erase.ts'] });
  operator = await system.createOperator();
  options = { baseUrl: system.functions.url };
});
afterAll(() => system.stop());

async function call(body: unknown, token: string | null, method = 'POST') {
  const response = await fetch(system.url('/api/erase'), {
    method,
    headers: {
      'content-type': 'application/json',
      ...(token !== null && { authorization: `Bearer ${token}` }),
    },
    ...(method === 'POST' && { body: JSON.stringify(body) }),
  });
  const json = z.looseObject({ code: z.string().optional() }).parse(await response.json());
  return { status: response.status, code: json.code, json };
}

/** A user with a report that has a result, and a second one that waits. */
async function person() {
  const { sql } = system;
  const account = await system.createUser();
  const store = storeClient(sql);
  const { reportId } = await system.createReport({ userId: account.id });
  const { run } = await store.request(reportId);
  const { delivery } = await store.complete(run.job_id, run.lease_token, 'a secret text');
  if (delivery === undefined) throw new Error('nothing to send');
  await store.send(delivery);
  await store.record(delivery, 'delivered', [{ status: 200, duration_ms: 5, authentic: true }]);
  await system.createReport({ userId: account.id });
  return { account, reportId };
}

const audit = async (outcome: string, userId: string) => [
  ...(await system.sql`
    select actor, request_payload ->> 'endpoint' as endpoint, response_status from public.webhook_audit
    where outcome = ${outcome} and response_body ->> 'user_id' = ${userId}`),
];

describe('what an account holds', () => {
  it('is counted by its id, and by its whole address in any case, and neither is changed', async () => {
    const { account } = await person();
    const client = await consoleClient(system, operator);
    const byId = await dataOf(findAccountContent(client, account.id, options));
    expect(byId).toMatchObject({ user_id: account.id, email: account.email, has_account: true });
    expect(Object.fromEntries(byId.content.map(({ what, things }) => [what, things]))).toMatchObject({
      org_reports: 2,
      greeting_reports: 0,
      'events with content': 1,
      'jobs with content': 1,
    });
    // The reports go, so that none of their columns keeps anything.
    const places = byId.kept.map(({ place }) => place);
    expect(places).toContain('auth.users');
    expect(places.filter((place) => place.startsWith('org_reports'))).toEqual([]);
    expect(await dataOf(findAccountContent(client, ` ${account.email.toUpperCase()} `, options))).toEqual(
      byId,
    );
    const [left] =
      await system.sql`select count(*)::int as reports from public.org_reports where user_id = ${account.id}`;
    expect(left).toEqual({ reports: 2 });
    const row = { actor: operator.id, endpoint: 'erase', response_status: 200 };
    expect(await audit('account_found', account.id)).toEqual([row, row]);
  });

  it('is counted of an account that is gone, by its id', async () => {
    const gone = randomUUID();
    const { json } = await call({ find: gone }, operator.accessToken);
    expect(json).toMatchObject({ user_id: gone, email: null, has_account: false, kept: [] });
  });

  it('is not told of an address that no account has', async () => {
    const client = await consoleClient(system, operator);
    const address = `${randomUUID()}@example.com`;
    expect(await errorOf(findAccountContent(client, address, options))).toMatchObject({
      code: 'account_not_found',
      status: 404,
    });
    const rows = await system.sql`
      select from public.webhook_audit audit where strpos(audit::text, ${address}) > 0`;
    expect(rows).toHaveLength(0);
    expect(
      await system.sql`select from public.webhook_audit where outcome = 'account_not_found' and actor = ${operator.id}`,
    ).toHaveLength(1);
  });
});

describe('an erasure', () => {
  it('says what went and what the platform keeps, and the audit says who decided, without the address', async () => {
    const { account, reportId } = await person();
    const other = await person();
    const client = await consoleClient(system, operator);
    const erased = await dataOf(eraseAccount(client, account.id, options));
    expect(erased).toMatchObject({ user_id: account.id, finished: true });
    expect(erased.erased.filter(({ things }) => things > 0).map(({ what }) => what)).toEqual(
      expect.arrayContaining(['org_reports', 'events with content', 'jobs with content']),
    );
    expect(erased.erased.filter(({ left }) => left > 0)).toEqual([]);
    expect(erased.kept.map(({ place }) => place)).toContain('auth.users');
    const [event] = await system.sql`
      select erased_at is not null as erased from public.report_events where report_id = ${reportId}`;
    expect(event).toEqual({ erased: true });
    const [kept] = await system.sql`
      select research_report from public.org_reports where id = ${other.reportId}`;
    expect(kept).toEqual({ research_report: 'a secret text' });
    expect(await audit('erased', account.id)).toEqual([
      { actor: operator.id, endpoint: 'erase', response_status: 200 },
    ]);
    const addressed = await system.sql`
      select from public.webhook_audit audit where strpos(audit::text, ${account.email}) > 0`;
    expect(addressed).toHaveLength(0);
    // Again: nothing is left, and nothing fails.
    expect((await dataOf(eraseAccount(client, account.id, options))).finished).toBe(true);
  });

  it('leaves what another transaction holds to the sweeps, and says so', { timeout: 30_000 }, async () => {
    const { account, reportId } = await person();
    const client = await consoleClient(system, operator);
    await system.sql.begin(async (holder) => {
      await holder`select from private.job_runs where report_id = ${reportId} for update`;
      const begun = await dataOf(eraseAccount(client, account.id, options));
      expect(begun.finished).toBe(false);
      expect(begun.erased.find(({ what }) => what === 'jobs with content')).toMatchObject({ left: 1 });
    });
    expect(await audit('erasure_begun', account.id)).toHaveLength(1);
    const answer = await storeClient(system.sql).erase();
    expect(answer).toMatchObject({ users: [account.id], left: false });
  });
});

describe('is refused', () => {
  it.each([
    ['nobody', () => null, 401, 'unauthorized'],
    ['a wrong token', () => 'x'.repeat(40), 401, 'unauthorized'],
    ['the pipeline', () => system.secrets.pipelineApiKey, 401, 'unauthorized'],
    ['the cron, which is no person', () => system.secrets.cronSecret, 403, 'forbidden'],
  ])('to %s', async (_who, token, status, code) => {
    const { account } = await person();
    for (const body of [{ find: account.email }, { user_id: account.id }])
      expect(await call(body, token())).toMatchObject({ status, code });
    const [left] =
      await system.sql`select count(*)::int as reports from public.org_reports where user_id = ${account.id}`;
    expect(left).toEqual({ reports: 2 });
  });

  it('to the account’s own user, and to who was an operator', async () => {
    const { account } = await person();
    const former = await system.createOperator();
    await system.sql`delete from public.operators where user_id = ${former.id}`;
    for (const { accessToken } of [account, former])
      for (const body of [{ find: account.email }, { user_id: account.id }])
        expect(await call(body, accessToken)).toMatchObject({ status: 403, code: 'forbidden' });
  });

  it.each<[string, unknown]>([
    ['without a user', {}],
    ['of an address: only the id that was typed names who is erased', { user_id: 'a@example.com' }],
    ['of what is no address', { find: 'everybody' }],
    ['with both', { find: 'a@example.com', user_id: randomUUID() }],
    ['of several', { user_id: [randomUUID()] }],
  ])('%s', async (_what, body) => {
    expect(await call(body, operator.accessToken)).toMatchObject({ status: 400, code: 'invalid_body' });
  });

  it('by every other method, and audited', async () => {
    for (const method of ['GET', 'DELETE'])
      expect(await call(undefined, operator.accessToken, method)).toMatchObject({ status: 405 });
    const rows = await system.sql`
      select from public.webhook_audit
      where outcome = 'method_not_allowed' and request_payload ->> 'endpoint' = 'erase'`;
    expect(rows).toHaveLength(2);
  });

  it('to a caller of its SQL that bypasses the endpoint', async () => {
    const { account } = await person();
    for (const userId of [account.id, operator.id]) {
      await expect(
        asUser(system.sql, userId, (sql) => sql`select public.account_content(${account.email})`),
      ).rejects.toThrow('permission denied');
      await expect(
        asUser(system.sql, userId, (sql) => sql`select public.erase_user(${account.id}, 100)`),
      ).rejects.toThrow('permission denied');
    }
  });
});
