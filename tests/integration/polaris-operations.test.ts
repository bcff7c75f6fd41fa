import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Account } from '../../tools/local/accounts.ts';
import { createdEndpoint } from '../../src/contracts/subscribers.ts';
import { polarisCommand, type Polaris } from '../support/polaris-command.ts';
import { storeClient } from '../support/store.ts';
import { startSubscriberReceiver, type SubscriberReceiver } from '../support/subscriber-receiver.ts';
import { startTestSystem, type TestSystem } from '../support/system.ts';
import { envelope } from '../support/webhook-client.ts';

const UNKNOWN_SUBSCRIBER = 'ep-0000000000000000';

let system: TestSystem;
let operator: Account;
let directory: string;
let polaris: Polaris;
let receiver: SubscriberReceiver;
/** It has passed its check. */
let subscriberId: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'polaris-operations-'));
  receiver = await startSubscriberReceiver();
  system = await startTestSystem({
    functions: [
      'api/endpoints.ts',
      'api/endpoints/actions.ts',
      'api/plans.ts',
      'api/erase.ts',
      'api/health.ts',
    ],
    env: { SUBSCRIBER_HOSTS: '127.0.0.1' },
  });
  polaris = polarisCommand(system, directory);
  operator = await system.createOperator();
  expect(await polaris(['sign-in', operator.email], `${operator.password}\n`)).toMatchObject({ code: 0 });
  const made = await create('The CRM\u001b[31m');
  subscriberId = made.endpoint.endpoint_id;
  receiver.trust(made.secret);
}, 120_000);
afterAll(async () => {
  await receiver[Symbol.asyncDispose]();
  await system.stop();
  await rm(directory, { recursive: true });
});

async function create(description: string) {
  const response = await fetch(system.url('/api/endpoints'), {
    method: 'POST',
    headers: { authorization: `Bearer ${operator.accessToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      request_id: randomUUID(),
      settings: { url: receiver.url, description, events: { stages: ['prelim'] } },
    }),
  });
  return createdEndpoint.parse(await response.json());
}

/** Runs a command that must succeed, and answers what it prints. */
async function done(...args: string[]): Promise<string> {
  const { code, out, error } = await polaris(args);
  expect({ code, error }).toEqual({ code: 0, error: '' });
  return out;
}

async function refused(...args: string[]): Promise<string> {
  const { code, out, error } = await polaris(args);
  expect({ code, out }).toEqual({ code: 1, out: '' });
  return error;
}

/** What the audit has of requests that the operator made. */
const audited = async (outcome: string) => [
  ...(await system.sql`
    select from public.webhook_audit where outcome = ${outcome} and actor = ${operator.id}`),
];

describe('polaris endpoints', () => {
  it('checks, lists, shows, pauses and resumes a subscriber in the operator’s name', async () => {
    expect(await refused('endpoints', 'resume', subscriberId)).toContain('has not passed a check yet');
    const check = await done('endpoints', 'check', subscriberId);
    expect(check).toContain(`${subscriberId}: the check has passed. It is active.`);
    expect(check).toMatch(/^ {2}ok {6}forged /m);

    const list = await done('endpoints');
    const host = new URL(receiver.url).host;
    expect(list).toMatch(
      new RegExp(`^${subscriberId} +active +${host} +stage prelim +0 +not on record$`, 'm'),
    );
    const shown = await done('endpoints', 'show', subscriberId);
    expect(shown).toContain(`${subscriberId}, active\n  Active.\n`);
    expect(shown).toContain(receiver.url);
    // What others wrote reaches the terminal without what a terminal obeys.
    expect(shown).toContain('The CRM\ufffd[31m');

    expect(await done('endpoints', 'pause', subscriberId)).toContain(`${subscriberId}, paused\n  Paused `);
    expect(await done('endpoints', 'list')).toMatch(new RegExp(`^${subscriberId} +paused `, 'm'));
    expect(await done('endpoints', 'resume', subscriberId)).toContain(`${subscriberId} is active.`);
    const audit = await system.sql`
      select outcome from public.webhook_audit
      where actor = ${operator.id} and endpoint_id = ${subscriberId} order by created_at, id`;
    expect(audit.map(({ outcome }) => outcome as string)).toEqual(
      expect.arrayContaining(['endpoint_check_passed', 'endpoint_paused', 'endpoint_active']),
    );
  });

  it('says which probes of a check failed, and what to do', async () => {
    const untrusted = (await create('Of another secret')).endpoint.endpoint_id;
    const { code, out } = await polaris(['endpoints', 'check', untrusted]);
    expect(code).toBe(1);
    expect(out).toContain(`${untrusted}: the check has failed. It is unverified.`);
    expect(out).toMatch(/^ {2}FAILED {2}ping /m);
    expect(out).toContain('To do: ');
    expect(await done('endpoints', 'show', untrusted)).toMatch(/Last check, .*: failed\n {2}FAILED {2}ping/);
  });

  it.each(['show', 'pause', 'resume', 'check'])('%s knows no other subscriber', async (form) => {
    expect(await refused('endpoints', form, UNKNOWN_SUBSCRIBER)).toBe(
      'The subscriber does not exist. npm run polaris -- endpoints lists them.\n',
    );
  });
});

describe('polaris replay', () => {
  async function receive(): Promise<string> {
    const { reportId } = await system.createReport();
    const id = `evt_${randomUUID()}`;
    await storeClient(system.sql).apply(id, envelope({ reportId }));
    return id;
  }

  it('proposes with count, bytes, duration and samples, and sends once it is applied', async () => {
    const events = [await receive(), await receive()];
    const proposal = await done(
      ...['replay', 'propose', '--endpoint', subscriberId, '--reason', 'They lost Monday', '--rate', '50'],
      ...events.flatMap((event) => ['--event', event]),
    );
    expect(proposal).toMatch(/Sends 2 events in 2 deliveries, .*(?:bytes|KB), in about \d+ s\./);
    expect(proposal).toContain('None of them is confirmed yet.');
    expect(proposal).toContain('because: They lost Monday');
    for (const event of events) expect(proposal).toMatch(new RegExp(`^ {4}${event} +prelim completed`, 'm'));
    const [, id = ''] = /replay apply (\d+)/.exec(proposal) ?? [];
    const planned = () => system.sql`select from public.webhook_deliveries where plan = ${id}`;
    expect(await planned()).toHaveLength(0);
    expect(await done('replay')).toMatch(new RegExp(`^${id} +replay +proposed +0 +2 `, 'm'));

    expect(await done('replay', 'apply', id)).toMatch(
      new RegExp(`^replay ${id}, running.*\\n.*\\n  The replay continues`),
    );
    // What a sweep does each minute.
    await expect
      .poll(
        async () => {
          await system.sql`update public.plans set next_slice_at = now() where status = 'running'`;
          await system.sql`select public.work_plan(100)`;
          return done('replay', 'show', id);
        },
        { timeout: 20_000 },
      )
      .toContain(`replay ${id}, done`);
    expect(await planned()).toHaveLength(2);
    const [plan] = await system.sql`select actor, reason from public.plans where id = ${id}`;
    expect(plan).toEqual({ actor: operator.id, reason: 'They lost Monday' });
    expect(await done('replay', 'show', id)).toContain('2 of 2 made due.');
  });

  it('cancels one that is proposed, which then cannot begin', async () => {
    const proposal = await done(
      ...['replay', 'propose', '--endpoint', subscriberId, '--reason', 'By mistake'],
      ...['--from', '2026-01-01T00:00:00Z', '--type', 'report.prelim.completed', '--version', '2026-11-25'],
    );
    const [, id = ''] = /replay apply (\d+)/.exec(proposal) ?? [];
    expect(await done('replay', 'cancel', id)).toContain(`replay ${id}, cancelled`);
    const applied = await done('replay', 'apply', id);
    expect(applied).toContain(`replay ${id}, cancelled`);
    expect(applied).not.toContain('continues');
  });

  it.each(['show', 'apply', 'cancel'])('%s knows no other replay', async (form) => {
    expect(await refused('replay', form, '2000000000')).toContain('There is no');
  });

  it('refuses a subscriber that is not there', async () => {
    expect(await refused('replay', 'propose', '--endpoint', UNKNOWN_SUBSCRIBER, '--reason', 'r')).toContain(
      `There is no subscriber ${UNKNOWN_SUBSCRIBER}.`,
    );
  });
});

describe('polaris probe', () => {
  it('says step by step what is right and what to do about the rest', async () => {
    const { sql } = system;
    const first = await polaris(['probe']);
    expect(first.code).toBe(1);
    expect(first.out).toMatch(/^FAILED {3}sweep +the last sweep was never\n +To do: .*cron/m);

    await sql`select private.record_heartbeat('sweep', 'probed')`;
    const { code, out } = await polaris(['probe']);
    expect(out).toMatch(/^ok {7}functions /m);
    expect(out).toMatch(/^ok {7}database /m);
    expect(out).toMatch(/^ok {7}sweep /m);
    expect(out).toMatch(/^ok {7}prelim-report +circuit closed/m);
    expect(out).toMatch(/^ok {7}API +it answers you/m);
    expect(out).toMatch(new RegExp(`^ok {7}${subscriberId} +127.0.0.1:\\d+: Active\\.`, 'm'));
    // The one that never passed its check.
    expect(out).toMatch(/^WARNING {2}ep-\S+ +127.0.0.1:\d+: Unverified/m);
    expect(out).toMatch(/^probe: 0 failed, \d+ warnings, \d+ ok$/m);
    expect(code).toBe(0);

    await sql`
      insert into public.webhook_circuits (endpoint_id, opened_at, probe_after)
      values ('final-report', now(), now() + interval '1 minute')
      on conflict (endpoint_id) do update set opened_at = now(), probe_after = now() + interval '1 minute'`;
    const broken = await polaris(['probe']);
    await sql`update public.webhook_circuits set opened_at = null, probe_after = null`;
    expect(broken.code).toBe(1);
    expect(broken.out).toMatch(/^FAILED {3}final-report +circuit open.*\n +To do: Results are stored/m);
  });

  it('says that the functions do not answer, and what the database knows', async () => {
    const path = join(directory, 'session.json');
    const content = await readFile(path, 'utf8');
    await writeFile(path, content.replaceAll(system.functions.url, 'http://127.0.0.1:9'));
    const change = { WEBHOOK_BASE_URL: 'http://127.0.0.1:9/api/webhooks' };
    const { code, out } = await polaris(['probe'], '', change);
    const list = await polaris(['endpoints'], '', change);
    await writeFile(path, content);
    expect(code).toBe(1);
    expect(out).toMatch(/^FAILED {3}functions +http:\/\/127.0.0.1:9 does not answer/m);
    expect(out).toMatch(/^ok {7}database /m);
    expect(out).toMatch(/^FAILED {3}API +The server cannot be reached/m);
    expect(list).toMatchObject({ code: 1, out: '' });
    expect(list.error).toContain('The server cannot be reached.');
  });
});

describe('polaris erase', () => {
  /** A user with a report that has a result. */
  async function person() {
    const { id } = await system.createUser();
    const store = storeClient(system.sql);
    const { reportId } = await system.createReport({ userId: id });
    const { run } = await store.request(reportId);
    await store.complete(run.job_id, run.lease_token, 'a secret text');
    return { userId: id, reportId };
  }
  const reportsOf = async (userId: string) => [
    ...(await system.sql`select from public.org_reports where user_id = ${userId}`),
  ];

  it('shows what goes, erases it once the id is typed, and prints the line to keep', async () => {
    const { userId } = await person();
    const declined = await polaris(['erase', userId], 'yes\n');
    expect(declined.code).toBe(1);
    expect(declined.out).toContain('org_reports: 1\n');
    expect(declined.error).toContain('Not confirmed: nothing was erased.');
    expect(await reportsOf(userId)).toHaveLength(1);

    const { code, out, error } = await polaris(['erase', userId.toUpperCase()], `${userId}\n`);
    expect({ code, error }).toEqual({ code: 0, error: '' });
    expect(out).toContain('org_reports: 1 erased\n');
    expect(out).toContain('events with content: 1 erased\n');
    expect(out).toContain('jobs with content: 1 erased\n');
    expect(out).toContain('auth.users: 1\n');
    expect(out).not.toContain('secret text');
    expect(JSON.parse(out.trim().split('\n').at(-1) ?? '')).toEqual({
      erased: userId,
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string,
    });
    expect(await reportsOf(userId)).toHaveLength(0);
    expect(await audited('erased')).toHaveLength(1);
    // Erasing twice is harmless.
    expect(await done('erase', userId, '--yes')).toContain('org_reports: 0 erased\n');
  });

  it('repeats the erasures that a log names, whatever else stands in it', async () => {
    const [one, other, bystander] = [await person(), await person(), await person()];
    const file = join(directory, 'log.txt');
    await writeFile(
      file,
      [
        `user ${bystander.userId}`,
        '{"level":"info","message":"something else"}',
        `{"erased":"${one.userId}","time":"2026-11-01T00:00:00.000Z"}`,
        `2026-11-02T00:00:00Z {"level":"info","erased":"${other.userId}","time":"2026-11-02T00:00:00.000Z"}`,
        `{"erased":"${one.userId}","time":"2026-11-03T00:00:00.000Z"}`,
        '{"erased":',
      ].join('\n'),
    );
    const declined = await polaris(['erase', '--from', file], '3\n');
    expect(declined).toMatchObject({
      code: 1,
      out: `${one.userId}\n${other.userId}\nat ${system.supabase.url}\n`,
    });
    expect(await reportsOf(one.userId)).toHaveLength(1);

    const { code, out } = await polaris(['erase', '--from', file], '2\n');
    expect(code).toBe(0);
    expect(out.match(/^\{"erased"/gm)).toHaveLength(2);
    for (const { userId } of [one, other]) expect(await reportsOf(userId)).toHaveLength(0);
    expect(await reportsOf(bystander.userId)).toHaveLength(1);

    await writeFile(file, 'nothing\n');
    expect(await polaris(['erase', '--from', file])).toMatchObject({
      code: 1,
      out: 'The file names no erasure.\n',
    });
    expect(await refused('erase', '--from', 'no-such-file')).toContain('no-such-file');
  });

  it('goes on after a user who cannot be erased, and says whose lines it could not read', async () => {
    const [one, other] = [await person(), await person()];
    const path = join(directory, 'session.json');
    const session = await readFile(path, 'utf8');
    const file = join(directory, 'drain.ndjson');
    await writeFile(file, `{"erased":"${one.userId}"}\n{"erased":"${other.userId}"}\n`);
    await writeFile(path, session.replaceAll(system.functions.url, 'http://127.0.0.1:9'));
    const failed = await polaris(['erase', '--from', file, '--yes'], '', {
      WEBHOOK_BASE_URL: 'http://127.0.0.1:9/api/webhooks',
    });
    await writeFile(path, session);
    expect(failed.code).toBe(1);
    for (const { userId } of [one, other])
      expect(failed.out).toContain(`user ${userId}: The server cannot be reached`);

    await writeFile(
      file,
      `{"message":"{\\"erased\\":\\"${one.userId}\\"}"}\n{"message":"{\\"erased\\":\\"${other.userId}\\"`,
    );
    const { code, out } = await polaris(['erase', '--from', file, '--yes']);
    expect(code).toBe(1);
    expect(out).toContain(`lines that could not be read:\n${other.userId}\n`);
    expect(await reportsOf(one.userId)).toHaveLength(0);
    expect(await reportsOf(other.userId)).toHaveLength(1);
  });

  it('waits for a transaction that holds the rest, for a while', { timeout: 60_000 }, async () => {
    const { sql } = system;
    const { userId, reportId } = await person();
    const begun = (await audited('erasure_begun')).length;
    let running: Promise<unknown> = Promise.resolve();
    await sql.begin(async (holder) => {
      await holder`select from private.job_runs where report_id = ${reportId} for update`;
      running = done('erase', userId, '--yes');
      await expect
        .poll(async () => (await audited('erasure_begun')).length, { timeout: 30_000 })
        .toBe(begun + 1);
    });
    expect(await running).toContain('jobs with content: 1 erased\n');
  });

  it('leaves what stays held to the sweeps, and says so', { timeout: 60_000 }, async () => {
    const { userId, reportId } = await person();
    await system.sql.begin(async (holder) => {
      await holder`select from private.job_runs where report_id = ${reportId} for update`;
      const { code, out } = await polaris(['erase', userId, '--yes']);
      expect(code).toBe(1);
      expect(out).toContain('jobs with content: 0 erased, 1 left\n');
      expect(out).toContain('Not finished, since other transactions hold the rest.');
      expect(out).not.toContain('{"erased"');
    });
    expect(await done('erase', userId, '--yes')).toContain(`{"erased":"${userId}"`);
  });
});

describe('an operator who is revoked', () => {
  it.each([
    [['endpoints']],
    [['endpoints', 'pause', UNKNOWN_SUBSCRIBER]],
    [['replay', 'apply', '1']],
    [['replay', 'list']],
    [['erase', randomUUID(), '--yes']],
  ])('is refused %j', async (args) => {
    const { id } = operator;
    await system.sql`delete from public.operators where user_id = ${id}`;
    const error = await refused(...args);
    await system.sql`insert into public.operators (user_id) values (${id})`;
    expect(error).toBe('The account that is signed in is not, or no longer, an operator of this project.\n');
  });
});
