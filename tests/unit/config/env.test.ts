import { describe, expect, it } from 'vitest';
import { readEnv } from '../../../src/server/config/env.ts';

const complete = {
  SUPABASE_URL: 'http://127.0.0.1:54321',
  SUPABASE_SECRET_KEY: 'sb_secret_x',
  SUPABASE_PUBLISHABLE_KEY: 'sb_publishable_x',
  WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 1).toString('base64')}`,
  WEBHOOK_BASE_URL: 'https://polaris.example/api/webhooks',
  PIPELINE_API_KEY: 'p'.repeat(32),
  CRON_SECRET: 'c'.repeat(32),
};

describe('the environment', () => {
  it('has defaults for what is no secret', () => {
    expect(readEnv({ ...complete, WEBHOOK_LEGACY_SECRET: '' })).toMatchObject({
      WEBHOOK_TIMEOUT_MS: 10_000,
      WEBHOOK_MAX_RETRIES: 3,
      JOB_LEASE_SECONDS: 60,
    });
  });

  it.each(Object.keys(complete))('names %s when it is missing', (name) => {
    expect(() => readEnv({ ...complete, [name]: undefined })).toThrow(name);
  });

  it.each([
    ['WEBHOOK_SECRET', 'whsec_dG9vIHNob3J0'],
    ['WEBHOOK_BASE_URL', 'https://polaris.example/api/webhooks/'],
    ['WEBHOOK_TIMEOUT_MS', 'soon'],
    ['CRON_SECRET', 'short'],
    ['LLM_BASE_URL', 'https://llm.example/v1'],
    ['LLM_MODELS', 'one two'],
    ['JOBS_PER_DAY', '100001'],
    ['JOBS_PER_USER_PER_DAY', 'many'],
    ['REPORTLESS_JOBS', 'everybody'],
    ['GENERATOR', 'random'],
  ])('refuses %s=%s without repeating it', (name, value) => {
    const reading = () => readEnv({ ...complete, [name]: value });
    expect(reading).toThrow(name === 'LLM_BASE_URL' ? 'LLM_MODELS' : name);
    expect(reading).not.toThrow(value);
  });

  it.each([
    '*',
    'null',
    'app.example.com',
    'https://app.example.com/',
    'https://app.example.com/path',
    'https://APP.example.com',
    'https://app.example.com:443',
    'https://user@app.example.com',
    'https://*.example.com',
    'http://app.example.com',
    'ftp://app.example.com',
    'https://a.example,https://b.example',
    'https://app.example.com http://intranet',
  ])('refuses %s as CORS_ORIGINS, by its name', (value) => {
    expect(() => readEnv({ ...complete, CORS_ORIGINS: value })).toThrow('CORS_ORIGINS');
  });

  it('reads lists that are separated by blanks', () => {
    const read = readEnv({
      ...complete,
      CORS_ORIGINS: ' https://app.example.com  http://localhost:5173 http://127.0.0.1:3000\n',
      LLM_BASE_URL: 'https://llm.example/v1',
      LLM_MODELS: ' sonar-pro  sonar ',
    });
    expect(read.CORS_ORIGINS).toEqual([
      'https://app.example.com',
      'http://localhost:5173',
      'http://127.0.0.1:3000',
    ]);
    expect(read.LLM_MODELS).toEqual(['sonar-pro', 'sonar']);
    expect(readEnv(complete)).toMatchObject({
      CORS_ORIGINS: [],
      REPORTLESS_JOBS: 'pipeline',
      JOBS_PER_USER_PER_DAY: 100,
      JOBS_PER_DAY: 10_000,
    });
  });

  it('generates for as long as the time-outs leave, 200 s at most', () => {
    const deadline = (timeoutMs: string) =>
      readEnv({ ...complete, WEBHOOK_TIMEOUT_MS: timeoutMs }).JOB_DEADLINE_SECONDS;
    expect([deadline('10000'), deadline('13000'), deadline('60000')]).toEqual([200, 199, 105]);
  });

  it.each([
    ['240', '10000', 205],
    ['270', '60000', 105],
    ['106', '60000', 105],
  ])(
    'refuses to generate for %s s with a time-out of %s ms: a function does not last so long',
    (seconds, timeoutMs, most) => {
      const env = { ...complete, JOB_DEADLINE_SECONDS: seconds, WEBHOOK_TIMEOUT_MS: timeoutMs };
      expect(() => readEnv(env)).toThrow(`JOB_DEADLINE_SECONDS: must be at most ${most}`);
      expect(readEnv({ ...env, JOB_DEADLINE_SECONDS: String(most) })).toMatchObject({
        JOB_DEADLINE_SECONDS: most,
      });
    },
  );
});
