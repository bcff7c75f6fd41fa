import { describe, expect, it } from 'vitest';
import { DAY_MS, testClock } from '../../support/clock.ts';
import { problemDetails } from '../../../src/contracts/problem.ts';
import { readEnv } from '../../../src/server/config/env.ts';
import { createHealth, type HealthServices } from '../../../src/server/observe/health.ts';
import { DatabaseUnavailable } from '../../../src/server/store/store.ts';

const CRON_SECRET = 'c'.repeat(32);
const complete = {
  SUPABASE_URL: 'http://127.0.0.1:1',
  SUPABASE_SECRET_KEY: 'k',
  SUPABASE_PUBLISHABLE_KEY: 'k',
  WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 1).toString('base64')}`,
  WEBHOOK_BASE_URL: 'https://polaris.example/api/webhooks',
  PIPELINE_API_KEY: 'p'.repeat(32),
  CRON_SECRET,
};

/** A health check over a database that answers or does not, and a clock that is moved by hand. */
function bed(change: Record<string, string> = {}) {
  const clock = testClock();
  const state = { isUp: true, calls: 0 };
  const source = { ...complete, ...change };
  const services = (): HealthServices => {
    readEnv(source);
    return {
      rpc: (name, _parameters, answer) => {
        state.calls += 1;
        if (!state.isUp) return Promise.reject(new DatabaseUnavailable('away'));
        if (name === 'subscriber_secrets') return Promise.resolve(answer.parse([]));
        if (name === 'user_is_operator') return Promise.resolve(answer.parse(false));
        const beats = { beats: 0, seconds_ago: null };
        return Promise.resolve(
          answer.parse({
            database_time: new Date(clock.now()).toISOString(),
            server_version: '17',
            migrations: ['1'],
            connections: { used: 1, most: 60 },
            heartbeats: { ping: beats, sweep: beats },
            unfinished: [],
            realtime: null,
            accounts_guarded: true,
            alerts: { firing: 0, pending: 0, worst: null, rules: [], undelivered: 0, dead: 0 },
            backlog: { due: 0, confirmed: 0 },
            rights: [],
          }),
        );
      },
      fetch: () => Promise.reject(new TypeError('fetch failed')),
      ...clock,
      inspectStore: undefined,
      endpointKeys: [],
      webhookKeys: [Buffer.alloc(32, 1)],
      webhookBaseUrls: ['https://polaris.example/api/webhooks'],
      protectionBypass: undefined,
      timeoutMs: 1000,
    };
  };
  const show = createHealth({
    services,
    env: () => readEnv(source),
    source,
    ...clock,
    log: () => undefined,
  });
  const get = async (authorization?: string) => {
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
    const response = await show(new Request('https://polaris.example/api/health', { headers }));
    return { status: response.status, headers: response.headers, json: (await response.json()) as unknown };
  };
  return { clock, state, get };
}

describe('to everybody', () => {
  it('says up, and no more', async () => {
    const { get } = bed();
    const { status, headers, json } = await get();
    expect([status, json]).toEqual([200, { status: 'up' }]);
    expect(headers.get('cache-control')).toBe('no-store');
  });

  it('says 503 while the database is unavailable, with only a code as the reason', async () => {
    const { state, get } = bed();
    state.isUp = false;
    const { status, headers, json } = await get();
    expect(status).toBe(503);
    expect(headers.get('retry-after')).not.toBeNull();
    expect(problemDetails.parse(json)).not.toHaveProperty('detail');
  });

  it('says 503 misconfigured where a variable is at fault, without its name', async () => {
    const { json, status } = await bed({ WEBHOOK_TIMEOUT_MS: 'soon' }).get();
    expect(status).toBe(503);
    expect(problemDetails.parse(json).code).toBe('misconfigured');
    expect(JSON.stringify(json)).not.toContain('WEBHOOK');
  });

  it('asks the database once in 5 seconds, however many ask at once', async () => {
    const { clock, state, get } = bed();
    await Promise.all([get(), get(), get()]);
    state.isUp = false;
    clock.pass(4_999);
    expect((await get()).status).toBe(200);
    expect(state.calls).toBe(1);
    clock.pass(1);
    expect((await get()).status).toBe(503);
    state.isUp = true;
    clock.pass(4_999);
    expect((await get()).status).toBe(503);
    clock.pass(1);
    expect((await get()).status).toBe(200);
    expect(state.calls).toBe(3);
  });

  it.each([-10, 10])('still asks every 5 seconds where its clock is set by %i days', async (days) => {
    const { clock, state, get } = bed();
    await get();
    clock.set(days * DAY_MS);
    clock.pass(4_999);
    await get();
    expect(state.calls).toBe(1);
    clock.pass(1);
    await get();
    expect(state.calls).toBe(2);
  });
});

describe('to the bearer of CRON_SECRET', () => {
  it('says everything, and never from the cache', async () => {
    const { state, get } = bed({ VERCEL_REGION: 'fra1', VERCEL_ENV: 'production' });
    await get();
    const before = state.calls;
    const { status, json } = await get(`Bearer ${CRON_SECRET}`);
    expect(state.calls).toBeGreaterThan(before);
    expect(status).toBe(200);
    expect(json).toMatchObject({
      status: 'up',
      deployment: { region: 'fra1', environment: 'production', commit: null },
    });
  });

  it('admits each of several keys', async () => {
    const { get } = bed({ CRON_SECRET: `${'n'.repeat(32)} ${CRON_SECRET}` });
    expect((await get(`Bearer ${CRON_SECRET}`)).status).toBe(200);
    expect((await get(`Bearer ${'n'.repeat(32)}`)).status).toBe(200);
  });

  it.each(['Bearer wrong', 'Bearer ', `Basic ${CRON_SECRET}`, `Bearer ${'p'.repeat(32)}`])(
    'refuses %j',
    async (authorization) => {
      const { status, json } = await bed().get(authorization);
      expect(status).toBe(401);
      expect(problemDetails.parse(json).code).toBe('unauthorized');
    },
  );

  it('refuses everybody where CRON_SECRET itself is malformed', async () => {
    expect((await bed({ CRON_SECRET: 'short' }).get('Bearer short')).status).toBe(401);
    expect((await bed({ CRON_SECRET: '' }).get('Bearer ')).status).toBe(401);
  });

  it('names each variable at fault, and what to do', async () => {
    const { get } = bed({ WEBHOOK_TIMEOUT_MS: 'soon', PIPELINE_API_KEY: '"quoted"' });
    const { status, json } = await get(`Bearer ${CRON_SECRET}`);
    expect(status).toBe(200);
    expect(json).toMatchObject({ status: 'down', facts: null });
    const text = JSON.stringify(json);
    expect(text).toMatch(/WEBHOOK_TIMEOUT_MS: .*Set WEBHOOK_TIMEOUT_MS/);
    expect(text).toMatch(/PIPELINE_API_KEY: must not contain quotes/);
    expect(text).not.toContain('quoted');
  });

  it('warns where pipeline and cron share a key', async () => {
    const { get } = bed({ PIPELINE_API_KEY: `${'p'.repeat(32)} ${CRON_SECRET}` });
    const { json } = await get(`Bearer ${CRON_SECRET}`);
    expect(JSON.stringify(json)).toContain('share a key');
  });
});
