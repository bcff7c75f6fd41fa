import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createDirectStore, type DirectStore } from '../../../src/server/store/direct-store.ts';
import { createFallbackStore, type FallbackStore } from '../../../src/server/store/fallback-store.ts';
import { createRestStore } from '../../../src/server/store/rest-store.ts';
import { createReport, createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { startTestSupabase, type TestSupabase } from '../../support/supabase.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';
import { describeStore, type SuiteFunctions } from './conformance.ts';

const monotonicNow = () => performance.now();
const log = () => undefined;
/** Nobody listens there. */
const NOWHERE = 'http://127.0.0.1:9';
const at = (url: string, port: number) => Object.assign(new URL(url), { port: String(port) }).href;

describeStore('the pool, with a REST layer behind it that is down', async (options) => {
  const port = await options.through(Number(new URL(options.storeUrl).port));
  const { timeoutMs } = options;
  const direct = createDirectStore<SuiteFunctions>({
    url: at(options.storeUrl, port),
    monotonicNow,
    timeoutMs,
  });
  const rest = createRestStore<SuiteFunctions>({ url: NOWHERE, secretKey: 'k', fetch, timeoutMs });
  const store = createFallbackStore({ direct, rest, monotonicNow, log, unreachableMs: 200 });
  return { store, stop: () => direct.close() };
});

describeStore('REST, with a pool before it that is down', async (options) => {
  const supabase = await startTestSupabase(options.databaseUrl);
  const port = await options.through(Number(new URL(supabase.url).port));
  const { timeoutMs } = options;
  const direct = createDirectStore<SuiteFunctions>({ url: at(options.storeUrl, 9), monotonicNow, timeoutMs });
  const rest = createRestStore<SuiteFunctions>({
    url: `http://127.0.0.1:${port}`,
    secretKey: supabase.secretKey,
    fetch,
    timeoutMs,
  });
  return {
    store: createFallbackStore({ direct, rest, monotonicNow, log, unreachableMs: 200 }),
    async stop() {
      await direct.close();
      await supabase.stop();
    },
  };
});

describe('the pool and REST, both up', () => {
  const OPEN_MS = 2_000;
  let database: TestDatabase;
  let supabase: TestSupabase;
  let proxy: TcpProxy;
  let direct: DirectStore;
  let store: FallbackStore;
  let restCalls = 0;
  const lines: string[] = [];

  beforeAll(async () => {
    database = await createTestDatabase();
    supabase = await startTestSupabase(database.url);
    proxy = await startTcpProxy(Number(new URL(database.storeUrl).port));
    direct = createDirectStore({ url: at(database.storeUrl, proxy.port), monotonicNow });
    const rest = createRestStore({
      url: supabase.url,
      secretKey: supabase.secretKey,
      fetch(...call) {
        restCalls += 1;
        return fetch(...call);
      },
    });
    store = createFallbackStore({
      direct,
      rest,
      monotonicNow,
      log: (level, message) => void lines.push(`${level} ${message}`),
      unreachableMs: OPEN_MS,
    });
  });
  afterEach(() => proxy.set({ kind: 'whole' }));
  afterAll(async () => {
    await direct.close();
    await proxy.stop();
    await supabase.stop();
    await database.drop();
  });

  const isOperator = () => store.rpc('user_is_operator', { p_user_id: randomUUID() }, z.boolean());
  /** Lets nothing through, neither old connections nor new ones. */
  const cut = () => proxy.set({ kind: 'reset' });

  it('answers every call while the pool comes and goes, and tells of each change once', async () => {
    expect(await isOperator()).toBe(false);
    expect(restCalls).toBe(0);
    for (let turn = 0; turn < 3; turn += 1) {
      cut();
      expect(await Promise.all(Array.from({ length: 10 }, isOperator))).toEqual(Array(10).fill(false));
      expect(store.next()).toBe('rest');
      const calls = restCalls;
      proxy.set({ kind: 'whole' });
      await sleep(OPEN_MS + 50);
      await isOperator();
      expect(store.next()).toBe('direct');
      expect(restCalls).toBe(calls);
      // All others, too.
      await Promise.all(Array.from({ length: 10 }, isOperator));
      expect(restCalls).toBe(calls);
    }
    const once = [
      'error the pool of STORE_DATABASE_URL cannot be used; calls use the Data API',
      'info the pool of STORE_DATABASE_URL works again',
    ];
    expect(lines).toEqual([...once, ...once, ...once]);
  });

  it('a call whose answer was lost with its connection is recognised when REST repeats it', async () => {
    const { reportId } = await createReport(database.sql);
    const request = () =>
      store.rpc(
        'request_report_job',
        {
          p_job_id: `job_${reportId}`,
          p_caller: 'pipeline',
          p_report_type: 'org',
          p_report_id: reportId,
          p_stage: 'prelim',
          p_prompt: 'p',
          p_generate: false,
          p_lease_seconds: 60,
          p_quota: 5,
        },
        z.looseObject({ outcome: z.string() }),
      );
    await sleep(OPEN_MS + 50);
    await isOperator();
    expect(store.next()).toBe('direct');
    const calls = restCalls;
    // The database carries it out; its answer is lost, and so is every connection after it.
    proxy.set({ kind: 'lose-answer', then: { kind: 'reset' } });
    expect(await request()).toMatchObject({ outcome: 'created' });
    expect(restCalls).toBe(calls + 1);
    const jobs = await database.sql`select from private.job_runs where report_id = ${reportId}`;
    expect(jobs).toHaveLength(1);
  });
});
