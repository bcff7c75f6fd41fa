import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { createRestStore } from '../../../src/server/store/rest-store.ts';
import { DatabaseUnavailable, type Store } from '../../../src/server/store/store.ts';
import { createReport, createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { startTestSupabase, type TestSupabase } from '../../support/supabase.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';

let database: TestDatabase;
let supabase: TestSupabase;
let proxy: TcpProxy;
let store: Store;

beforeAll(async () => {
  database = await createTestDatabase();
  supabase = await startTestSupabase(database.url);
  proxy = await startTcpProxy(Number(new URL(supabase.url).port));
  store = createRestStore({ url: `http://127.0.0.1:${proxy.port}`, secretKey: supabase.secretKey, fetch });
});
afterEach(() => proxy.set({ kind: 'whole' }));
afterAll(async () => {
  await proxy.stop();
  await supabase.stop();
  await database[Symbol.asyncDispose]();
});

const isOperator = () => store.rpc('user_is_operator', { p_user_id: randomUUID() }, z.boolean());

async function requestOf() {
  const { reportId } = await createReport(database.sql);
  const parameters = {
    p_job_id: `job_${randomUUID()}`,
    p_caller: 'pipeline',
    p_report_type: 'org',
    p_report_id: reportId,
    p_stage: 'prelim',
    p_prompt: 'p',
    p_generate: false,
    p_lease_seconds: 60,
    p_quota: 5,
  };
  return {
    reportId,
    send: () => store.rpc('request_report_job', parameters, z.looseObject({ outcome: z.string() })),
    async jobs() {
      const rows = await database.sql`select from private.job_runs where report_id = ${reportId}`;
      return rows.length;
    },
  };
}

it('twelve of twelve calls succeed, each over a connection that has died since the last', async () => {
  await isOperator();
  const before = proxy.connections();
  proxy.set({ kind: 'idle-dies' });
  for (let call = 0; call < 12; call += 1) expect(await isOperator()).toBe(false);
  // Each began on a dead connection: otherwise this would prove nothing.
  expect(proxy.connections() - before).toBe(12);
});

it('calls at once succeed where every idle connection has died', async () => {
  const many = () => Promise.all(Array.from({ length: 10 }, isOperator));
  await many();
  proxy.set({ kind: 'idle-dies' });
  expect(await many()).toEqual(Array.from({ length: 10 }, () => false));
  expect(await isOperator()).toBe(false);
});

it('a call that was carried out, and whose answer was lost whole, is recognised when it is sent again', async () => {
  await isOperator();
  const request = await requestOf();
  proxy.set({ kind: 'lose-answer' });
  expect(await request.send()).toMatchObject({ outcome: 'created' });
  expect(await request.jobs()).toBe(1);
});

it.each([1, 200])(
  'an answer that is cut after %i bytes fails the call, which may be repeated by its caller',
  async (afterBytes) => {
    await isOperator();
    const request = await requestOf();
    const before = proxy.connections();
    proxy.set({ kind: 'cut', afterBytes });
    await expect(request.send()).rejects.toThrow(DatabaseUnavailable);
    expect(proxy.connections() - before).toBe(0);
    expect(await request.jobs()).toBe(1);
    proxy.set({ kind: 'whole' });
    expect(await request.send()).toMatchObject({ outcome: 'created' });
    expect(await request.jobs()).toBe(1);
  },
);

it('a new connection that is reset fails the call at once', async () => {
  proxy.set({ kind: 'reset' });
  // The idle ones die first.
  await expect(isOperator()).rejects.toThrow(DatabaseUnavailable);
  const before = proxy.connections();
  await expect(isOperator()).rejects.toThrow(DatabaseUnavailable);
  expect(proxy.connections() - before).toBe(1);
});
