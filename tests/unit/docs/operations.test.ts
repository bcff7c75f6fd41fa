import { globSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { projectRoot } from '../../../tools/local/paths.ts';
import { BINARIES_VARIABLE } from '../../../tools/local/postgres-binaries.ts';
import { consoleEnv } from '../../../src/console/lib/config.ts';
import { serverEnv } from '../../../src/contracts/env.ts';
import { ALERT_RULES } from '../../../src/contracts/alerts.ts';
import { CHECKS } from '../../../src/contracts/health.ts';
import { platformEnv } from '../../../src/contracts/platform-env.ts';
import { InvalidEnvironment, readEnv } from '../../../src/server/config/env.ts';
import { codeIn, readText, tableOf } from './page.ts';

const page = readText('docs/operations.md');
const sources = (pattern: string) => globSync(pattern, { cwd: projectRoot }).map(readText);

it('has the deployment steps by their names, in their order', () => {
  expect([...page.matchAll(/^## \d\. (.+)$/gm)].map(([, name]) => name)).toEqual([
    'Database migration',
    'Environment variables',
    'Webhook endpoints',
    'Job processing',
    'Frontend',
    'Monitor and validate',
  ]);
});

it('links only to headings that are there', () => {
  const anchors = [...page.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w\s-]/g, '')
      .replaceAll(' ', '-'),
  );
  const linked = [...page.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor);
  expect(linked.length).toBeGreaterThan(20);
  expect(linked.filter((anchor) => !anchors.includes(anchor ?? ''))).toEqual([]);
});

describe('the table of variables', () => {
  const variables = tableOf(page, 'variables').map(
    ([name = '', production = '', , , standard = '', , secret = '']) => ({
      name: codeIn(name)[0] ?? name,
      production,
      standard: codeIn(standard)[0],
      isSecret: secret === 'yes',
    }),
  );

  it('names every variable that functions, build, commands and tools read, and no other', () => {
    const code = [...sources('{api,scripts,src,tools}/**/*.{ts,tsx}'), readText('playwright.config.ts')].join(
      '\n',
    );
    const read = [...code.matchAll(/process\.env\['(\w+)'\]|\bportFrom\('(\w+)'/g)].map(
      ([, variable, port]) => variable ?? port ?? '',
    );
    // Of any program, not of ours.
    const others = new Set(['PATH', 'NODE_OPTIONS']);
    const expected = new Set([
      ...Object.keys(serverEnv.in.shape),
      ...Object.keys(consoleEnv.shape),
      ...Object.keys(platformEnv.shape),
      ...read.filter((name) => !others.has(name)),
      BINARIES_VARIABLE,
    ]);
    expect(variables.map(({ name }) => name).sort()).toEqual([...expected].sort());
  });

  it('says of each variable that must be set that it is required', () => {
    let missing: string[] = [];
    try {
      readEnv({});
    } catch (error) {
      if (error instanceof InvalidEnvironment) missing = error.faults.map(({ name }) => name);
    }
    expect(missing.length).toBeGreaterThan(3);
    const required = variables.filter(({ production }) => production === 'required');
    expect(required.map(({ name }) => name).sort()).toEqual(missing.sort());
  });

  it('has the defaults that hold', () => {
    const key = 'k'.repeat(32);
    const env = readEnv({
      SUPABASE_URL: 'https://project.supabase.co',
      SUPABASE_SECRET_KEY: key,
      SUPABASE_PUBLISHABLE_KEY: key,
      WEBHOOK_SECRET: `whsec_${Buffer.alloc(32).toString('base64')}`,
      WEBHOOK_BASE_URL: 'https://polaris.example.com/api/webhooks',
      PIPELINE_API_KEY: key,
      CRON_SECRET: `${key}c`,
    });
    const real = Object.entries(env).flatMap(([name, value]) =>
      typeof value === 'number' || name === 'REPORTLESS_JOBS' ? [[name, String(value)]] : [],
    );
    expect(real.length).toBeGreaterThan(10);
    const described = variables.flatMap(({ name, production, standard }) =>
      name in env && production !== 'required' && standard !== undefined ? [[name, standard]] : [],
    );
    expect(described.sort()).toEqual(real.sort());
  });

  it('has a way to rotate each secret', () => {
    const rotated = tableOf(page, 'secrets').map(([name = '']) => codeIn(name)[0]);
    const secrets = variables.filter(({ isSecret }) => isSecret).map(({ name }) => name);
    expect(secrets).toEqual(expect.arrayContaining(['WEBHOOK_SECRET', 'LLM_API_KEY', 'DATABASE_URL']));
    expect(secrets.filter((name) => !rotated.includes(name))).toEqual([]);
  });
});

it('has every check of the doctor, in its order', () => {
  // The table stands in a list.
  const described = tableOf(page.replace(/^ {3}/gm, ''), "doctor's checks");
  expect(described.map(([check = '']) => codeIn(check)[0])).toEqual([...CHECKS]);
});

it('has every alert rule with its limits, and a section for each', () => {
  const sql = readText('supabase/migrations/20261126040000_limit_trace_and_watch.sql');
  const rules = [
    ...sql.matchAll(/^ {2}\('(\w+)', '(\w+)', ([\d.]+), '(\w+)', (\d+), '([^']+)', '([^']+)'\)/gm),
  ].map(([, rule = '', severity = '', threshold = '', unit = '', minimum = '', ...intervals]) => [
    `\`${rule}\``,
    severity,
    `${threshold} ${unit}`,
    minimum === '1' ? '' : minimum,
    ...intervals.map((interval) => (interval === '0' ? '' : interval)),
  ]);
  expect(rules).toHaveLength(Object.keys(ALERT_RULES).length);
  expect(tableOf(page, 'alert rules')).toEqual(rules);
  const sections = [...page.matchAll(/^### `(\w+)`$/gm)].map(([, rule]) => rule);
  expect(sections).toEqual(Object.keys(ALERT_RULES));
});

it('has every line that the functions log, with its level', () => {
  const code = sources('src/server/**/*.ts').join('\n');
  const written = [...code.matchAll(/\blog\(\s*'(info|error)',\s*([^,)]+)/g)].map(
    ([, level = '', message = '']) => ({ level, message }),
  );
  const literals = written.flatMap(({ level, message }) =>
    message.startsWith("'") ? [[message.slice(1, -1), level]] : [],
  );
  // These two name their message elsewhere: `guard` by the kind of the error, the sweep in what it passes to `note` and `attempt`.
  const named = written.filter(({ message }) => !message.startsWith("'")).map(({ message }) => message);
  expect(named.sort()).toEqual(['message', 'reasonOf(error']);
  const [, reasons = ''] = /function reasonOf\([^]*?\{([^]*?)\n\}/.exec(code) ?? [];
  const elsewhere = [
    ...[...code.matchAll(/\b(?:note|attempt)\('([^']+)'/g)].map(([, message = '']) => message),
    ...[...reasons.matchAll(/[?:] '([^']+)'/g)].map(([, message = '']) => message),
  ].map((message) => [message, 'error']);
  expect(elsewhere).toHaveLength(6);
  const described = tableOf(page, 'log lines').map(([message = '', level]) => [codeIn(message)[0], level]);
  expect(described.sort()).toEqual([...literals, ...elsewhere].sort());
});
