import { readdirSync } from 'node:fs';
import { Agent, createServer } from 'node:http';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { fullHealth, type Finding } from '../../src/contracts/health.ts';
import { systemClock } from '../../src/server/clock.ts';
import { parseEndpointKeys, sealSecret } from '../../src/server/deliver/subscribers/endpoint-secrets.ts';
import { examine, type Diagnosis, type DoctorOptions } from '../../src/server/observe/doctor.ts';
import { probeRealtime } from '../../src/server/observe/probe-realtime.ts';
import { printDiagnoses } from '../../tools/doctor/print.ts';
import { readSources } from '../../tools/db/read-sources.ts';
import { compareRights } from '../../tools/db/rights.ts';
import { functionEnv } from '../../tools/local/function-env.ts';
import { asRole } from '../../tools/local/hosted-roles.ts';
import { projectRoot } from '../../tools/local/paths.ts';
import { freePort } from '../../tools/local/ports.ts';
import { forward } from '../../tools/local/proxy.ts';
import { callSweep } from '../../tools/local/sweeper.ts';
import { startTestFunctions } from '../support/functions.ts';
import { subscriberClient } from '../support/subscribers.ts';
import { startTestSystem, type TestSystem } from '../support/system.ts';

const FUNCTIONS = ['api/ping.ts', 'api/health.ts', 'api/cron/sweep.ts'];
const REGION = 'fra1';
/** Nobody listens: a sweep that cannot tell the outside watch only logs it. No rule is on, or a slow machine would make one fire. */
const WATCHED = {
  ALERT_URLS: 'http://127.0.0.1:9/alerts',
  ALERT_SECRET: `whsec_${Buffer.alloc(32, 7).toString('base64')}`,
  HEARTBEAT_URL: 'http://127.0.0.1:9/heartbeat',
};

let system: TestSystem;
let options: DoctorOptions;
beforeAll(async () => {
  system = await startTestSystem({
    functions: FUNCTIONS,
    // No deployment at Vercel may have subscribers on the loopback.
    env: { VERCEL_REGION: REGION, VERCEL_ENV: 'production', SUBSCRIBER_HOSTS: '', ...WATCHED },
  });
  await system.sql`update private.alert_rules set enabled = false where true`;
  const { sources } = await readSources(join(projectRoot, 'supabase/sql'));
  options = {
    source: { ...system.env, VITE_SUPABASE_REALTIME: 'off' },
    fetch,
    ...systemClock,
    migrations: readdirSync(join(projectRoot, 'supabase/migrations'))
      .filter((name) => name.endsWith('.sql'))
      .map((name) => name.slice(0, name.indexOf('_'))),
    compareRights: (rights) =>
      compareRights(
        sources,
        rights.map(({ column, ...right }) => ({ ...right, ...(column !== null && { column }) })),
      ).map(({ where, message }) => `${message} (${where})`),
    regions: [REGION],
    probeRealtime,
  };
});
afterAll(() => system.stop());
beforeEach(() => callSweep(system.url(''), system.secrets.cronSecret));

async function diagnose(
  change: Partial<DoctorOptions> = {},
  source: Record<string, string> = {},
): Promise<Diagnosis[]> {
  return examine({ ...options, ...change, source: { ...options.source, ...source } });
}

const faults = (diagnoses: readonly Diagnosis[]) =>
  diagnoses.filter(({ level }) => level === 'failed' || level === 'warning');

/** The one fault that was planted, as the doctor and the deployment tell it. */
function expectFault(diagnoses: readonly Diagnosis[], wanted: Partial<Diagnosis> & Pick<Finding, 'check'>) {
  const found = faults(diagnoses);
  expect(found.map(({ check }) => check)).toContain(wanted.check);
  expect(
    found.find(({ check, from }) => check === wanted.check && from === (wanted.from ?? 'here')),
  ).toMatchObject(wanted);
  // Each says what to do.
  expect(found.filter(({ action }) => action === undefined)).toEqual([]);
  return found;
}

const containing = (text: string) => expect.stringContaining(text) as string;

describe('a deployment without a fault', () => {
  it('has none, looked at from outside and from inside', async () => {
    const diagnoses = await diagnose();
    expect(faults(diagnoses)).toEqual([]);
    const told = (from: string) =>
      diagnoses.filter((one) => one.from === from && one.level === 'ok').map(({ check }) => check);
    expect(told('here')).toEqual([
      'variables',
      'address',
      'database',
      'migrations',
      'rights',
      'cron',
      'deliveries',
      'alerts',
      'clock',
      'connections',
      'indexes',
      'realtime',
      'accounts',
      'subscribers',
    ]);
    expect(told('deployment')).toEqual([
      'variables',
      'address',
      'database',
      'migrations',
      'rights',
      'cron',
      'deliveries',
      'alerts',
      'clock',
      'connections',
      'indexes',
      'realtime',
      'accounts',
      'subscribers',
      'region',
      'region',
    ]);
  });

  it('answers GET /api/health with the bearer of CRON_SECRET in full, and up to others', async () => {
    const ask = async (headers: Record<string, string>) =>
      (await fetch(system.url('/api/health'), { headers })).json() as Promise<unknown>;
    expect(await ask({})).toEqual({ status: 'up' });
    const full = fullHealth.parse(await ask({ authorization: `Bearer ${system.secrets.cronSecret}` }));
    expect(full).toMatchObject({ status: 'up', deployment: { environment: 'production', region: REGION } });
    expect(full.facts?.rights?.length).toBeGreaterThan(50);
  });

  it('is printed line by line, with a count', async () => {
    const lines: string[] = [];
    printDiagnoses(await diagnose({ regions: ['iad1'] }), (line) => lines.push(line));
    expect(lines).toContainEqual(
      expect.stringMatching(/^ok {7}address {6}http:.*\/api\/ping received a signed ping/),
    );
    const warning = lines.findIndex((line) =>
      line.startsWith('WARNING  region       from inside: the deployment runs in fra1'),
    );
    expect(lines[warning + 1]).toMatch(/^ {22}To do: Deploy again/);
    expect(lines.at(-1)).toMatch(/^doctor: 0 failed, 1 warnings, \d+ ok, \d+ skipped$/);
  });
});

describe('each fault is found, with what to do', () => {
  it('a variable that is malformed here: nothing else can be looked at', async () => {
    const diagnoses = await diagnose(
      {},
      { CRON_SECRET: 'short', WEBHOOK_BASE_URL: 'https://u:p@polaris.example/api/webhooks' },
    );
    expect(faults(diagnoses)).toMatchObject([
      {
        check: 'variables',
        level: 'failed',
        message: containing('WEBHOOK_BASE_URL: must not contain a user name'),
        action: containing('Set WEBHOOK_BASE_URL'),
      },
      {
        check: 'variables',
        level: 'failed',
        message: containing('CRON_SECRET: must be at least 32'),
        action: containing('Set CRON_SECRET'),
      },
    ]);
    expect(diagnoses.filter(({ level }) => level === 'ok')).toEqual([]);
  });

  it('secrets of subscribers that no key opens, and no key where there are subscribers', async () => {
    const subscribers = subscriberClient(system.sql);
    const keys = parseEndpointKeys(system.env['ENDPOINT_SECRETS_KEY'] ?? '');
    const [good, changed, lost] = [
      await subscribers.active(),
      await subscribers.active(),
      await subscribers.active(),
    ].map(({ endpointId }) => endpointId);
    const seal = (endpointId = '', key = keys) =>
      system.sql`
        update private.endpoint_secrets set sealed = ${sealSecret(key, endpointId, 'whsec_a_canary')}
        where endpoint_id = ${endpointId}`;
    await seal(good);
    // Under the id of a key that is there, and under one that is not.
    await seal(changed, [{ id: 'local', key: Buffer.alloc(32, 3) }]);
    await seal(lost, [{ id: 'yesterday', key: Buffer.alloc(32, 4) }]);
    try {
      const diagnoses = await diagnose();
      for (const from of ['here', 'deployment'] as const) {
        expectFault(diagnoses, {
          check: 'subscribers',
          from,
          level: 'failed',
          message: containing('2 secrets cannot be decrypted'),
          action: containing('Put the lost key back'),
        });
      }
      const said = diagnoses.find(({ check }) => check === 'subscribers')?.message ?? '';
      expect(said).toContain(`${lost ?? ''} (ENDPOINT_SECRETS_KEY has no key "yesterday"`);
      expect(said).toContain(`${changed ?? ''} (the key "local" of ENDPOINT_SECRETS_KEY does not open`);
      expect(said).not.toContain(good ?? '');
      expectFault(await diagnose({}, { ENDPOINT_SECRETS_KEY: '' }), {
        check: 'subscribers',
        level: 'failed',
        message: containing('ENDPOINT_SECRETS_KEY is not set, and there are 3 subscribers'),
        action: containing('Set ENDPOINT_SECRETS_KEY'),
      });
      const health = await fetch(system.url('/api/health'), {
        headers: { authorization: `Bearer ${system.secrets.cronSecret}` },
      });
      const text = await health.text();
      expect(text).toContain('yesterday');
      // Neither a secret nor what it is sealed to.
      expect(text).not.toMatch(/canary|v1\./);
      await seal(changed);
      await seal(lost);
      expect(faults(await diagnose())).toEqual([]);
    } finally {
      for (const id of [good, changed, lost]) await subscribers.move(id ?? '', 'removed');
    }
  });

  it('a variable that is malformed in the deployment', async () => {
    const faulty = await startTestFunctions(FUNCTIONS, {
      ...functionEnv(system.supabase, system.secrets),
      WEBHOOK_TIMEOUT_MS: 'soon',
    });
    try {
      const diagnoses = await diagnose({}, { WEBHOOK_BASE_URL: `${faulty.url}/api/webhooks` });
      expectFault(diagnoses, {
        check: 'variables',
        from: 'deployment',
        level: 'failed',
        message: containing('WEBHOOK_TIMEOUT_MS: '),
        action: containing('deploy again'),
      });
      expectFault(diagnoses, { check: 'address', message: containing('answered 500 internal_error') });
    } finally {
      await faulty.stop();
    }
  });

  it('a direct way to the database that is sound, locked out, or the owner’s', async () => {
    const storeUrl = asRole(system.databaseUrl, 'polaris_store');
    const storeOf = async (url: string) => {
      const diagnoses = await diagnose({}, { STORE_DATABASE_URL: url });
      // The deployment has none.
      expect(diagnoses.find(({ check, from }) => check === 'store' && from === 'deployment')).toMatchObject({
        level: 'skipped',
      });
      return diagnoses.find(({ check, from }) => check === 'store' && from === 'here');
    };
    expect(await storeOf(storeUrl)).toMatchObject({
      level: 'ok',
      message: containing('polaris_store is connected (direct)'),
    });
    const locked = Object.assign(new URL(storeUrl), { password: 'another' }).href;
    expect(await storeOf(locked)).toMatchObject({
      level: 'warning',
      message: containing('wrong password, or none is set'),
      action: containing('alter role polaris_store password'),
    });
    const nobody = Object.assign(new URL(storeUrl), { port: '9' }).href;
    expect(await storeOf(nobody)).toMatchObject({ level: 'warning', message: containing('ECONNREFUSED') });
    const diagnoses = await diagnose({}, { STORE_DATABASE_URL: system.databaseUrl });
    expectFault(diagnoses, {
      check: 'variables',
      level: 'failed',
      message: containing('STORE_DATABASE_URL: must name the user polaris_store'),
    });
  });

  it('a direct way whose role has lost a right, or its time limit', async () => {
    const STORE_DATABASE_URL = asRole(system.databaseUrl, 'polaris_store');
    await system.sql`revoke execute on function public.user_is_operator(uuid) from polaris_store`;
    try {
      const diagnoses = await diagnose({}, { STORE_DATABASE_URL });
      expectFault(diagnoses, {
        check: 'store',
        level: 'failed',
        message: containing('polaris_store may not execute user_is_operator'),
        action: containing('npx supabase db push'),
      });
      expectFault(diagnoses, {
        check: 'rights',
        level: 'failed',
        message: containing('execute on function public.user_is_operator to polaris_store'),
      });
    } finally {
      await system.sql`grant execute on function public.user_is_operator(uuid) to polaris_store`;
    }
    const database = new URL(system.databaseUrl).pathname.slice(1);
    await system.sql.unsafe(`alter role polaris_store in database ${database} set statement_timeout = 0`);
    try {
      expectFault(await diagnose({}, { STORE_DATABASE_URL }), {
        check: 'store',
        level: 'warning',
        message: containing('its statement_timeout is 0'),
        action: containing('alter role polaris_store set statement_timeout'),
      });
    } finally {
      await system.sql.unsafe(`alter role polaris_store in database ${database} reset all`);
    }
  });

  it('a CRON_SECRET that the deployment does not know', async () => {
    expectFault(await diagnose({}, { CRON_SECRET: 'x'.repeat(40) }), {
      check: 'variables',
      from: 'deployment',
      message: containing('rejects this CRON_SECRET'),
      action: containing('same CRON_SECRET'),
    });
  });

  it('a WEBHOOK_SECRET that the deployment does not know', async () => {
    const other = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;
    expectFault(await diagnose({}, { WEBHOOK_SECRET: other }), {
      check: 'address',
      level: 'failed',
      message: containing('answered 401 invalid_signature'),
      action: containing('WEBHOOK_SECRET differs'),
    });
  });

  it('an address where nothing listens', async () => {
    const closed = `http://127.0.0.1:${await freePort()}`;
    const diagnoses = await diagnose({}, { WEBHOOK_BASE_URL: `${closed}/api/webhooks` });
    expectFault(diagnoses, {
      check: 'address',
      message: containing('could not be called'),
      action: containing('WEBHOOK_BASE_URL'),
    });
    const message = `${closed}/api/health could not be called (not sent: the connection was refused (ECONNREFUSED)): the checks of the deployment itself are missing`;
    expect(diagnoses).toContainEqual(
      expect.objectContaining({ check: 'address', level: 'skipped', message }),
    );
  });

  it('a second address that is dead, while the first works', async () => {
    const found = expectFault(
      await diagnose(
        {},
        { WEBHOOK_BASE_URL: `${system.url('')}/api/webhooks http://127.0.0.1:9/api/webhooks` },
      ),
      { check: 'address', message: containing('127.0.0.1:9') },
    );
    expect(found).toHaveLength(1);
  });

  it('a migration that was not applied', async () => {
    const [row] = await system.sql`
      delete from supabase_migrations.schema_migrations where version = '20261125060000' returning *`;
    try {
      expectFault(await diagnose(), {
        check: 'migrations',
        level: 'failed',
        message: containing('lacks 1 of'),
        action: containing('npx supabase db push'),
      });
    } finally {
      await system.sql`insert into supabase_migrations.schema_migrations ${system.sql(row as Record<string, string>)}`;
    }
  });

  it('functions that are newer than the database', async () => {
    await system.sql`alter function public.deployment_facts(boolean) rename to other_facts`;
    try {
      expectFault(await diagnose(), {
        check: 'database',
        level: 'failed',
        message: containing('the versions of the schema and the functions differ'),
        action: containing('npx supabase db push'),
      });
    } finally {
      await system.sql`alter function public.other_facts(boolean) rename to deployment_facts`;
    }
  });

  it('a right too many, and one too few', async () => {
    await system.sql`grant execute on function public.verify_reports() to anon`;
    await system.sql`revoke select on public.report_events from authenticated`;
    try {
      expectFault(await diagnose(), {
        check: 'rights',
        level: 'failed',
        message: expect.stringMatching(
          /2 rights differ.*(?=.*select on relation public\.report_events to authenticated: the file states it).*execute on function public\.verify_reports to anon: the database gives it/,
        ) as string,
        action: containing('revoke and grant'),
      });
    } finally {
      await system.sql`revoke execute on function public.verify_reports() from anon`;
      await system.sql`grant select on public.report_events to authenticated`;
    }
  });

  it('a right of everybody on private objects, also from inside', async () => {
    await system.sql`grant select on private.job_runs to anon`;
    try {
      expectFault(await diagnose(), {
        check: 'rights',
        from: 'deployment',
        message: containing('select on relation private.job_runs'),
      });
    } finally {
      await system.sql`revoke select on private.job_runs from anon`;
    }
  });

  it('a cron that has stopped, and one that never came', async () => {
    await system.sql`update private.heartbeats set last_at = now() - interval '10 minutes' where source = 'sweep'`;
    const wanted = { check: 'cron', level: 'failed', action: containing('schedule_sweep') } as const;
    expectFault(await diagnose(), { ...wanted, message: containing('10 min ago') });
    await system.sql`update private.heartbeats set last_at = null where source = 'sweep'`;
    expectFault(await diagnose(), { ...wanted, message: containing('has never run a sweep') });
  });

  it('an operator who sweeps does not look like a cron', async () => {
    await system.sql`update private.heartbeats set last_at = null where source = 'sweep'`;
    const operator = await system.createOperator();
    await callSweep(system.url(''), operator.accessToken);
    expectFault(await diagnose(), { check: 'cron', message: containing('has never run a sweep') });
  });

  it('a clock that is wrong, and one that is too wrong for a signature', async () => {
    expectFault(await diagnose({ now: () => Date.now() + 90_000 }), {
      check: 'clock',
      level: 'failed',
      message: containing('this machine is 90 s ahead of'),
      action: containing('NTP'),
    });
    expectFault(await diagnose({ now: () => Date.now() - 400_000 }), {
      check: 'address',
      message: containing('timestamp_out_of_tolerance'),
      action: containing('clock'),
    });
  });

  it('an index that is missing, also from inside', async () => {
    await system.sql`drop index public.webhook_audit_event`;
    const wanted = {
      check: 'indexes',
      level: 'warning',
      message: containing('lacks webhook_audit_event:'),
      action: containing('npm run upgrade'),
    } as const;
    try {
      const diagnoses = await diagnose();
      expectFault(diagnoses, wanted);
      expectFault(diagnoses, { ...wanted, from: 'deployment' });
    } finally {
      await system.sql`select private.finish_table('webhook_audit', p_now => true)`;
    }
    expect(faults(await diagnose())).toEqual([]);
  });

  it('a table that Realtime does not publish', async () => {
    await system.sql`alter publication supabase_realtime drop table public.webhook_circuits`;
    try {
      expectFault(await diagnose(), {
        check: 'realtime',
        level: 'warning',
        message: containing('webhook_circuits'),
        action: containing('add table public.webhook_circuits;'),
      });
    } finally {
      await system.sql`alter publication supabase_realtime add table public.webhook_circuits`;
    }
  });

  it('Realtime that takes no connection', async () => {
    expectFault(await diagnose({}, { VITE_SUPABASE_REALTIME: '' }), {
      check: 'realtime',
      level: 'warning',
      message: containing('takes no connection'),
      action: containing('VITE_SUPABASE_REALTIME=off'),
    });
  });

  it('another region than vercel.json says', async () => {
    expectFault(await diagnose({ regions: ['iad1'] }), {
      check: 'region',
      from: 'deployment',
      level: 'warning',
      message: containing('runs in fra1, vercel.json says iad1'),
      action: containing('Deploy again'),
    });
  });

  it('a database that is unavailable', async () => {
    await system.supabaseProcess?.kill();
    try {
      const diagnoses = await diagnose();
      expectFault(diagnoses, {
        check: 'database',
        level: 'failed',
        action: containing('SUPABASE_URL'),
      });
      expectFault(diagnoses, { check: 'database', from: 'deployment', level: 'failed' });
      expectFault(diagnoses, { check: 'address', message: containing('database_unavailable') });
    } finally {
      await system.supabaseProcess?.start();
    }
  });
});

describe('Deployment Protection', () => {
  const BYPASS = 'let-us-in';
  let close = () => Promise.resolve();
  afterEach(() => close());

  /** Stands in front of the functions, as Vercel does: a page for everybody without the bypass. */
  async function protect(): Promise<string> {
    const agent = new Agent({ keepAlive: true });
    const server = createServer((request, response) => {
      if (request.headers['x-vercel-protection-bypass'] === BYPASS) {
        forward(request, response, { port: Number(new URL(system.url('')).port), agent }).catch(() =>
          response.destroy(),
        );
        return;
      }
      response.writeHead(401, { 'content-type': 'text/html' });
      response.end('<!doctype html><title>Authentication Required</title>');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    close = async () => {
      agent.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    };
    const address = server.address();
    return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/api/webhooks`;
  }

  it('is recognised, and the finding says what to set', async () => {
    const WEBHOOK_BASE_URL = await protect();
    expectFault(await diagnose({}, { WEBHOOK_BASE_URL }), {
      check: 'address',
      level: 'failed',
      message: containing("by Vercel's Deployment Protection"),
      action: containing('VERCEL_AUTOMATION_BYPASS_SECRET'),
    });
  });

  it('lets the doctor pass with the bypass, to the ping and to the health check', async () => {
    const WEBHOOK_BASE_URL = await protect();
    const diagnoses = await diagnose({}, { WEBHOOK_BASE_URL, VERCEL_AUTOMATION_BYPASS_SECRET: BYPASS });
    expect(faults(diagnoses)).toEqual([]);
    expect(diagnoses.some(({ from }) => from === 'deployment')).toBe(true);
  });

  it('says so where the bypass is an old one', async () => {
    const WEBHOOK_BASE_URL = await protect();
    expectFault(await diagnose({}, { WEBHOOK_BASE_URL, VERCEL_AUTOMATION_BYPASS_SECRET: 'old' }), {
      check: 'address',
      action: containing('was not accepted'),
    });
  });
});
