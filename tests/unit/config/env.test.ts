import { describe, expect, it } from 'vitest';
import { readEnv } from '../../../src/server/config/env.ts';
import { parseWebhookSecret } from '../../../src/server/deliver/secrets.ts';

const complete = {
  SUPABASE_URL: 'http://127.0.0.1:54321',
  SUPABASE_SECRET_KEY: 'sb_secret_x',
  SUPABASE_PUBLISHABLE_KEY: 'sb_publishable_x',
  WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 1).toString('base64')}`,
  WEBHOOK_BASE_URL: 'https://polaris.example/api/webhooks',
  PIPELINE_API_KEY: 'p'.repeat(32),
  CRON_SECRET: 'c'.repeat(32),
};

describe('where alerts go', () => {
  const ALERT_SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

  it.each([
    'https://pager.example/v2/enqueue?key=abc',
    'https://pager.example http://localhost:9000/alerts',
    'slack+https://hooks.slack.com/services/T0/B0/xyz https://pager.example',
    'slack+http://127.0.0.1:9000/',
  ])('takes %s', (ALERT_URLS) => {
    expect(readEnv({ ...complete, ALERT_URLS, ALERT_SECRET })).toMatchObject({ ALERT_URLS });
  });

  it.each([
    'http://pager.example',
    'slack+http://hooks.slack.com/services/T0/B0/xyz',
    'https://user:password@pager.example',
    'slack+https://user@hooks.slack.com',
    'https://pager.example#fragment',
    'https://pager.example?key=a#fragment',
    'ftp://pager.example',
    'slack+slack+https://pager.example',
    'https://pager.example,https://pager.example',
    'https://pager.example "https://pager.example"',
    'pager.example',
  ])('refuses %s without repeating it', (ALERT_URLS) => {
    const reading = () => readEnv({ ...complete, ALERT_URLS, ALERT_SECRET });
    expect(reading).toThrow(/^Invalid environment variables:\n {2}ALERT_URLS: /);
    expect(reading).not.toThrow(ALERT_URLS);
  });

  it('needs a secret to sign with, unless all are Slack', () => {
    const read = (ALERT_URLS: string) => () => readEnv({ ...complete, ALERT_URLS });
    expect(read('slack+https://hooks.slack.com/services/x')).not.toThrow();
    expect(read('slack+https://hooks.slack.com/services/x https://pager.example')).toThrow(
      /ALERT_SECRET: is required/,
    );
  });

  it('calls the outside watch by https, or on this machine', () => {
    const read = (HEARTBEAT_URL: string) => () => readEnv({ ...complete, HEARTBEAT_URL });
    expect(read('https://watch.example/ping?key=1')).not.toThrow();
    expect(read('http://[::1]:9000/')).not.toThrow();
    for (const url of ['http://watch.example', 'https://u@watch.example', 'slack+https://watch.example'])
      expect(read(url)).toThrow(/HEARTBEAT_URL: must/);
  });
});

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
    ['WEBHOOK_TIMEOUT_MS', '0x1F4'],
    ['WEBHOOK_TIMEOUT_MS', '1e3'],
    ['WEBHOOK_TIMEOUT_MS', '1000.5'],
    ['CRON_SECRET', 'short'],
    ['WEBHOOK_LEGACY_SECRET', 'short'],
    ['WEBHOOK_LEGACY_SECRET', `${'l'.repeat(24)} short`],
    ['LLM_BASE_URL', 'https://llm.example/v1'],
    ['LLM_MODELS', 'one two'],
    ['JOBS_PER_DAY', '100001'],
    ['JOBS_PER_USER_PER_DAY', 'many'],
    ['REPORTLESS_JOBS', 'everybody'],
    ['GENERATOR', 'random'],
  ])('refuses %s=%s without repeating it', (name, value) => {
    const reading = () => readEnv({ ...complete, [name]: value });
    expect(reading).toThrow(
      /^Invalid environment variables:\n {2}(LLM_MODELS|WEBHOOK|CRON|JOBS|REPORTLESS|GENERATOR)/,
    );
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
    'https://a.example\nhttps://b.example',
    '"https://a.example"',
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

  it('refuses SUPABASE_URL with the path of one of its APIs', () => {
    const reading = (url: string) => () => readEnv({ ...complete, SUPABASE_URL: url });
    for (const path of ['/rest/v1', '/rest/v1/', '/auth/v1', '/x']) {
      expect(reading(`https://x.supabase.co${path}`)).toThrow(
        'SUPABASE_URL: must be the address of the project without a path',
      );
    }
    expect(reading('https://x.supabase.co/')).not.toThrow();
  });

  it.each([
    ['a line break', 'sonar-pro\nsonar', 'must not contain blanks or line breaks'],
    ['quotes', '"sonar-pro" sonar', 'must not contain quotes'],
    ['an invisible character', 'sonar\u200b', 'must contain only visible ASCII characters'],
    ['a name that is too long', 's'.repeat(201), 'at most 200 characters'],
  ])('refuses LLM_MODELS with %s', (_what, value, message) => {
    const reading = () => readEnv({ ...complete, LLM_BASE_URL: 'https://llm.example/v1', LLM_MODELS: value });
    expect(reading).toThrow(message);
  });

  it('names every faulty variable at once, and says of a missing one that it is missing', () => {
    const faulty = {
      ...complete,
      WEBHOOK_SECRET: undefined,
      CRON_SECRET: 'short',
      WEBHOOK_TIMEOUT_MS: 'soon',
    };
    expect(() => readEnv(faulty)).toThrow(
      /WEBHOOK_SECRET: is missing\n {2}WEBHOOK_TIMEOUT_MS: .*\n {2}CRON_SECRET: must be at least 32 characters/,
    );
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

  it.each(Object.entries(complete))('removes blanks and line breaks around %s', (name, value) => {
    expect(readEnv({ ...complete, [name]: `\n  ${value}\r\n` })).toEqual(readEnv(complete));
  });

  it('takes a variable of blanks alone as unset', () => {
    expect(readEnv({ ...complete, WEBHOOK_LEGACY_SECRET: ' \n', WEBHOOK_TIMEOUT_MS: '\n' })).toEqual(
      readEnv(complete),
    );
    expect(() => readEnv({ ...complete, CRON_SECRET: '\n' })).toThrow('CRON_SECRET: is missing');
  });

  const SECRETS = [
    'SUPABASE_SECRET_KEY',
    'SUPABASE_PUBLISHABLE_KEY',
    'WEBHOOK_SECRET',
    'WEBHOOK_LEGACY_SECRET',
    'VERCEL_AUTOMATION_BYPASS_SECRET',
    'PIPELINE_API_KEY',
    'CRON_SECRET',
    'LLM_API_KEY',
  ];
  const key = 'k'.repeat(40);

  it.each(
    SECRETS.flatMap((name) => [
      [name, 'a line break', `${key}\n${key}`, 'must not contain blanks or line breaks'],
      [name, 'a tabulator', `${key}\t${key}`, 'must not contain blanks or line breaks'],
      [name, 'quotes around it', `"${key}"`, 'must not contain quotes'],
      [name, 'a quote in it', `${key}'${key}`, 'must not contain quotes'],
      [name, 'a letter that no header can carry', `${key}ü`, 'must contain only visible ASCII characters'],
      [name, 'a control character', `${key}\u0007${key}`, 'must contain only visible ASCII characters'],
    ]),
  )('refuses %s with %s', (name, _what, value, message) => {
    const reading = () => readEnv({ ...complete, [name]: value });
    expect(reading).toThrow(`${name}: ${message}`);
    expect(reading).not.toThrow(key);
  });

  it.each(
    SECRETS.filter(
      (name) =>
        !['WEBHOOK_SECRET', 'WEBHOOK_LEGACY_SECRET', 'PIPELINE_API_KEY', 'CRON_SECRET'].includes(name),
    ),
  )('refuses %s with a blank: it is one value', (name) => {
    expect(() => readEnv({ ...complete, [name]: `${key} ${key}` })).toThrow(
      `${name}: must not contain blanks`,
    );
  });

  it.each(['PIPELINE_API_KEY', 'CRON_SECRET'])('takes several keys in %s, each long enough', (name) => {
    const keys = `${'a'.repeat(32)} ${'b'.repeat(32)}`;
    expect(readEnv({ ...complete, [name]: keys })).toMatchObject({ [name]: keys });
    // A key that a blank has split is two short ones, and nobody sends either.
    expect(() => readEnv({ ...complete, [name]: `${'k'.repeat(20)} ${'k'.repeat(20)}` })).toThrow(
      `${name}: must be at least 32 characters`,
    );
    expect(() => readEnv({ ...complete, [name]: `${keys} "c"` })).toThrow(`${name}: must not contain quotes`);
  });

  it('takes several secrets in WEBHOOK_SECRET, and no malformed one among them', () => {
    expect(
      readEnv({ ...complete, WEBHOOK_SECRET: `${complete.WEBHOOK_SECRET}  ${complete.WEBHOOK_SECRET}` }),
    ).toBeTruthy();
    expect(() => readEnv({ ...complete, WEBHOOK_SECRET: `${complete.WEBHOOK_SECRET} whsec_dG9v` })).toThrow(
      'WEBHOOK_SECRET: must be one or more whsec_',
    );
  });

  // 32 bytes of 1 end in `AQE=`. The two bits that differ here belong to no byte, so lenient decoders read the same key.
  const SPARE_BITS = `whsec_${Buffer.alloc(32, 1).toString('base64').replace(/E=$/, 'F=')}`;
  it.each(['WEBHOOK_SECRET', 'ALERT_SECRET'])(
    'refuses %s whose last character has spare bits set, and says how to make one',
    (name) => {
      const reading = () => readEnv({ ...complete, [name]: SPARE_BITS });
      expect(reading).toThrow(`${name}: must be one or more whsec_ + base64 of 24 to 64 bytes`);
      expect(reading).toThrow('Make one: echo "whsec_$(openssl rand -base64 32)"');
    },
  );

  it.each([24, 25, 26, 32, 63, 64])('takes a secret of %d bytes, also without padding', (bytes) => {
    const key = Buffer.alloc(bytes, 0xfe);
    const padded = `whsec_${key.toString('base64')}`;
    for (const secret of [padded, padded.replace(/=+$/, '')]) {
      expect(readEnv({ ...complete, WEBHOOK_SECRET: secret }).WEBHOOK_SECRET).toBe(secret);
      expect(parseWebhookSecret(secret)).toEqual([key]);
    }
    expect(() => readEnv({ ...complete, WEBHOOK_SECRET: `${padded}=` })).toThrow('WEBHOOK_SECRET');
  });

  it.each([
    ['SUPABASE_URL', 'https://project.supabase.co'],
    ['SUPABASE_URL', 'http://kong:8000'],
    ['WEBHOOK_BASE_URL', 'https://polaris.example/api/webhooks'],
    ['WEBHOOK_BASE_URL', 'https://polaris.example:8443/reports/api/webhooks'],
    ['WEBHOOK_BASE_URL', 'http://localhost:3000/api/webhooks'],
    ['WEBHOOK_BASE_URL', 'http://127.0.0.1:3000/api/webhooks'],
    ['WEBHOOK_BASE_URL', 'http://[::1]:3000/api/webhooks'],
    ['WEBHOOK_BASE_URL', 'https://a.example/api/webhooks https://b.example/api/webhooks'],
  ])('takes %s=%s', (name, value) => {
    expect(readEnv({ ...complete, [name]: value })).toMatchObject({ [name]: value });
  });

  it.each([
    ['https://user:pw@polaris.example', 'must not contain a user name or a password'],
    ['https://user@polaris.example', 'must not contain a user name or a password'],
    ['ftp://polaris.example', 'must begin with https:// or http://'],
    ['javascript:', 'must be an address'],
    ['bare.example', 'must be an address'],
    ['https:\\\\polaris.example', 'must be an address'],
    ['https://polaris.example?next=', 'must not contain a query or a fragment'],
    ['https://polaris.example/?', 'must not contain a query or a fragment'],
    ['https://polaris.example/#', 'must not contain a query or a fragment'],
    ['"https://polaris.example"', 'must not contain quotes'],
    ['https://polaris.example\n', 'must not contain blanks or line breaks'],
    ['https://pölaris.example', 'must contain only visible ASCII'],
  ])('refuses the address %j', (address, message) => {
    const webhooks = address.endsWith('"')
      ? `${address.slice(0, -1)}/api/webhooks"`
      : `${address}/api/webhooks`;
    for (const [name, value] of [
      // Not at the end, where a line break is removed.
      ['SUPABASE_URL', address.endsWith('\n') ? `${address}a` : address],
      ['WEBHOOK_BASE_URL', webhooks],
      ['WEBHOOK_BASE_URL', `${complete.WEBHOOK_BASE_URL} ${webhooks}`],
    ] as const) {
      const reading = () => readEnv({ ...complete, [name]: value });
      expect(reading).toThrow(`${name}: ${message}`);
      expect(reading).not.toThrow(value);
    }
  });

  it.each([
    ['https://polaris.example/webhooks', 'must end in /api/webhooks'],
    ['http://polaris.example/api/webhooks', 'must begin with https:// unless the host is localhost'],
    ['http://127.0.0.1.example/api/webhooks', 'must begin with https:// unless the host is localhost'],
    ['https://a.example/api/webhooks https://b.example', 'must end in /api/webhooks'],
  ])('refuses WEBHOOK_BASE_URL=%s', (value, message) => {
    expect(() => readEnv({ ...complete, WEBHOOK_BASE_URL: value })).toThrow(`WEBHOOK_BASE_URL: ${message}`);
  });
});

describe('subscribers', () => {
  const ENDPOINT_SECRETS_KEY = `k1:${Buffer.alloc(32, 3).toString('base64')}`;

  it('are nowhere, unless their hosts are listed', () => {
    expect(readEnv(complete)).toMatchObject({ SUBSCRIBER_HOSTS: [], PAUSE_MAX_DAYS: 30 });
    const SUBSCRIBER_HOSTS = 'hooks.example.org  *.Partner.example';
    expect(readEnv({ ...complete, SUBSCRIBER_HOSTS, ENDPOINT_SECRETS_KEY })).toMatchObject({
      SUBSCRIBER_HOSTS: ['hooks.example.org', '*.partner.example'],
      ENDPOINT_SECRETS_KEY,
    });
  });

  it('need a key for their secrets', () => {
    expect(() => readEnv({ ...complete, SUBSCRIBER_HOSTS: 'hooks.example.org' })).toThrow(
      'ENDPOINT_SECRETS_KEY: is required when SUBSCRIBER_HOSTS is set',
    );
  });

  it.each(['localhost', '127.0.0.1', '[::1]', 'hooks.example.org localhost'])(
    'are not on this machine in a deployment: %s',
    (SUBSCRIBER_HOSTS) => {
      const variables = { ...complete, SUBSCRIBER_HOSTS, ENDPOINT_SECRETS_KEY };
      for (const VERCEL_ENV of ['production', 'preview']) {
        expect(() => readEnv({ ...variables, VERCEL_ENV })).toThrow(
          'SUBSCRIBER_HOSTS: must not list localhost, 127.0.0.1 or [::1]',
        );
      }
      expect(readEnv({ ...variables, VERCEL_ENV: 'development' }).SUBSCRIBER_HOSTS).toContain(
        SUBSCRIBER_HOSTS.split(' ').at(-1),
      );
    },
  );

  it.each(['https://hooks.example.org', '*', '10.0.0.1'])('are not at %s', (SUBSCRIBER_HOSTS) => {
    expect(() => readEnv({ ...complete, SUBSCRIBER_HOSTS, ENDPOINT_SECRETS_KEY })).toThrow(
      'SUBSCRIBER_HOSTS',
    );
  });

  it.each(['7', '366', '1e2'])('do not wait for %s days', (PAUSE_MAX_DAYS) => {
    expect(() => readEnv({ ...complete, PAUSE_MAX_DAYS })).toThrow('PAUSE_MAX_DAYS');
  });

  it('have keys of the right form', () => {
    expect(() => readEnv({ ...complete, ENDPOINT_SECRETS_KEY: 'k1:c2hvcnQ=' })).toThrow(
      'ENDPOINT_SECRETS_KEY: must be one or more id:key',
    );
  });
});

describe('STORE_DATABASE_URL', () => {
  const read = (STORE_DATABASE_URL: string) => () => readEnv({ ...complete, STORE_DATABASE_URL });

  it.each([
    'postgresql://polaris_store.abcdefghij:p%40ss@aws-0-eu-central-1.pooler.supabase.com:6543/postgres',
    'postgresql://polaris_store.abcdefghij:pw@aws-0-eu-central-1.pooler.supabase.com:5432/postgres?sslmode=require',
    'postgres://polaris_store:pw@db.abcdefghij.supabase.co/postgres?sslmode=verify-full',
    'postgresql://polaris_store:pw@127.0.0.1:54322/postgres',
    'postgresql://polaris_store:pw@[::1]:54322/postgres?sslmode=disable',
  ])('takes %s', (url) => {
    expect(read(url)()).toMatchObject({ STORE_DATABASE_URL: url });
  });

  it.each([
    ['postgresql://postgres:secret@db.example.com/postgres', /must name the user polaris_store/],
    [
      'postgresql://postgres.abcdefghij:secret@x.pooler.supabase.com:6543/postgres',
      /must name the user polaris_store/,
    ],
    ['postgresql://supabase_admin:secret@db.example.com/postgres', /must name the user polaris_store/],
    ['postgresql://%70ostgres:secret@db.example.com/postgres', /must name the user polaris_store/],
    ['postgresql://polaris_store@db.example.com/postgres', /must contain the password/],
    ['postgresql://:secret@db.example.com/postgres', /must name a user/],
    ['postgresql://polaris_store:secret@db.example.com/postgres?sslmode=disable', /sslmode=require/],
    ['postgresql://polaris_store:secret@db.example.com/postgres?sslmode=prefer', /sslmode=require/],
    [
      'postgresql://polaris_store:secret@127.0.0.1/postgres?host=db.example.com',
      /no parameter except sslmode/,
    ],
    [
      'postgresql://polaris_store:secret@db.example.com/postgres?options=-c%20role%3Dx',
      /no parameter except sslmode/,
    ],
    ['postgresql://polaris_store:secret@db.example.com', /must be an address such as/],
    ['postgresql://polaris_store:sec%zzret@db.example.com/postgres', /must be an address such as/],
    ['postgresql://polaris_store:sec#ret@db.example.com/postgres', /must be an address such as|fragment/],
    ['https://polaris_store:secret@db.example.com/postgres', /must be an address such as/],
    ['"postgresql://polaris_store:secret@db.example.com/postgres"', /quotes/],
  ])('refuses %s without repeating it', (url, message) => {
    expect(read(url)).toThrow(/^Invalid environment variables:\n {2}STORE_DATABASE_URL: /);
    expect(read(url)).toThrow(message);
    expect(read(url)).not.toThrow('secret');
    expect(read(url)).not.toThrow('db.example.com/postgres');
  });
});
