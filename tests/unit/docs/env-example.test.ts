import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { consoleEnv } from '../../../src/console/lib/config.ts';
import { serverEnv } from '../../../src/contracts/env.ts';
import { readEnv } from '../../../src/server/config/env.ts';

const lines = readFileSync(new URL('../../../env.example', import.meta.url), 'utf8').split('\n');
const example = Object.fromEntries(
  lines.filter((line) => /^[A-Z_]+=/.test(line)).map((line) => line.split('=', 2)),
) as Record<string, string>;
const LOCAL = [
  'PORT',
  'SUPABASE_API_PORT',
  'SUPABASE_DB_PORT',
  'POLARIS_DATA_DIR',
  'POLARIS_POSTGRES_BIN',
  'DATABASE_URL',
];

it('names every variable that functions and console read, and the local system’s, and no other', () => {
  expect(Object.keys(example).sort()).toEqual(
    [...Object.keys(serverEnv.in.shape), ...Object.keys(consoleEnv.shape), ...LOCAL].sort(),
  );
});

it('gives the defaults that hold', () => {
  const secret = 's'.repeat(32);
  const env: Record<string, unknown> = readEnv({
    SUPABASE_URL: 'http://127.0.0.1:54321',
    SUPABASE_SECRET_KEY: secret,
    SUPABASE_PUBLISHABLE_KEY: secret,
    WEBHOOK_SECRET: `whsec_${Buffer.alloc(32).toString('base64')}`,
    WEBHOOK_BASE_URL: 'http://localhost:3000/api/webhooks',
    PIPELINE_API_KEY: secret,
    CRON_SECRET: secret,
  });
  for (const [name, value] of Object.entries(example)) {
    if (value !== '' && !LOCAL.includes(name))
      expect(`${name} ${String(env[name])}`).toBe(`${name} ${value}`);
  }
});

it('holds no secret that works', () => {
  expect(() => readEnv(example)).toThrow(/WEBHOOK_SECRET[^]*PIPELINE_API_KEY[^]*CRON_SECRET/);
});
