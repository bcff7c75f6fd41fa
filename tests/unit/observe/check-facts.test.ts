import { describe, expect, it } from 'vitest';
import {
  checkAccounts,
  checkAlerts,
  checkBacklog,
  checkClocks,
  checkConnections,
  checkCron,
  checkIndexes,
  checkMigrations,
  checkPublication,
} from '../../../src/server/observe/check-facts.ts';

const beats = (seconds_ago: number | null) => ({
  heartbeats: { ping: { beats: 0, seconds_ago: null }, sweep: { beats: 1, seconds_ago } },
});

describe('the cron', () => {
  it.each([
    [null, 'failed', 'the cron has never run a sweep'],
    [0, 'ok', '0 s ago'],
    [119, 'ok', '119 s ago'],
    [151, 'warning', '3 min ago'],
    [301, 'failed', '5 min ago'],
    [8000, 'failed', '2 h ago'],
    [400_000, 'failed', '5 days ago'],
  ])('whose last sweep came %s s ago is %s', (secondsAgo, level, message) => {
    const found = checkCron(beats(secondsAgo));
    expect(found).toMatchObject({
      check: 'cron',
      level,
      message: expect.stringContaining(message) as string,
    });
    if (level === 'ok') expect(found.action).toBeUndefined();
    else expect(found.action).toContain('private.schedule_sweep()');
  });
});

it.each([
  [0, 12, 'ok', 'no delivery is due'],
  [900, 300, 'ok', '900 deliveries are due, and 300 arrived in the last minute: about 3 min are left'],
  [901, 300, 'ok', 'about 4 min are left'],
  [9000, 200, 'warning', 'about 45 min are left'],
  [20_001, 4000, 'ok', 'more than 20000 deliveries are due, and 4000 arrived'],
  [20_001, 4000, 'ok', 'about more than 6 min are left'],
  [7, 0, 'warning', '7 deliveries are due, and 0 arrived in the last minute'],
])('%s due deliveries at %s a minute are %s', (due, confirmed, level, message) => {
  const found = checkBacklog({ backlog: { due, confirmed } });
  expect(found).toMatchObject({ check: 'deliveries', level });
  expect(found.message).toContain(message);
  expect(found.action === undefined).toBe(level === 'ok');
});

describe('alerts', () => {
  const none = { firing: 0, pending: 3, worst: null, rules: [], undelivered: 0, dead: 0 };

  it.each<[string, Parameters<typeof checkAlerts>[0]['alerts'], string, string]>([
    ['none', none, 'ok', 'no alert fires'],
    [
      'a warning',
      { ...none, firing: 1, worst: 'warning', rules: ['latency'] },
      'warning',
      '1 alerts fire: latency',
    ],
    [
      'a critical one',
      { ...none, firing: 2, worst: 'critical', rules: ['latency', 'no_sweep'] },
      'failed',
      '2 alerts fire: latency, no_sweep',
    ],
    ['one that nobody takes', { ...none, undelivered: 1 }, 'failed', '1 alerts are not delivered yet'],
    ['one that was given up', { ...none, dead: 2 }, 'failed', '2 became dead'],
  ])('%s', (_name, alerts, level, message) => {
    const found = checkAlerts({ alerts });
    expect(found).toMatchObject({ level, message: expect.stringContaining(message) as string });
    expect(found.action === undefined).toBe(level === 'ok');
  });
});

describe('connections', () => {
  it.each([
    [5, 'ok'],
    [41, 'ok'],
    [42, 'warning'],
    [54, 'failed'],
    [60, 'failed'],
  ])('of which %i of 60 are used are %s', (used, level) => {
    const found = checkConnections({ connections: { used, most: 60 } });
    expect(found).toMatchObject({ level, message: `${used} of 60 database connections are used` });
    if (level !== 'ok') expect(found.action).toContain('pg_stat_activity');
  });
});

describe('indexes', () => {
  it('are all there', () => {
    expect(checkIndexes({ unfinished: [] }).level).toBe('ok');
  });

  it('are missing: the finding names them and the command', () => {
    expect(checkIndexes({ unfinished: ['org_reports_owner', 'webhook_audit_event'] })).toMatchObject({
      check: 'indexes',
      level: 'warning',
      message: expect.stringContaining('lacks org_reports_owner, webhook_audit_event:') as string,
      action: expect.stringContaining('npm run upgrade') as string,
    });
  });
});

it('says where the trigger on auth.users is missing, and how to create it', () => {
  expect(checkAccounts({ accounts_guarded: true }).level).toBe('ok');
  const found = checkAccounts({ accounts_guarded: false });
  expect(found).toMatchObject({ check: 'accounts', level: 'warning' });
  expect(found.message).toMatch(/polaris_lock_account .*polaris_note_account_deletion /);
  expect(found.action).toContain('private.guard_accounts()');
});

describe('the publication of Realtime', () => {
  const tables = ['report_notifications', 'webhook_circuits', 'webhook_deliveries'];

  it('is as it should be', () => {
    expect(checkPublication({ realtime: { all_tables: false, tables: [...tables, 'other'] } }).level).toBe(
      'ok',
    );
  });

  it('lacks a table: the finding has the statement', () => {
    expect(checkPublication({ realtime: { all_tables: false, tables: tables.slice(1) } })).toMatchObject({
      level: 'warning',
      message: expect.stringContaining('does not publish report_notifications:') as string,
      action: expect.stringContaining('add table public.report_notifications;') as string,
    });
  });

  it('is missing', () => {
    expect(checkPublication({ realtime: null })).toMatchObject({
      level: 'warning',
      message: expect.stringContaining('no publication supabase_realtime') as string,
    });
  });
});

describe('clocks', () => {
  const reading = (seconds: number, name = 'this machine') => ({ name, time: seconds * 1000, reference: 0 });

  it.each([
    [4.9, 'ok', 'agrees'],
    [-4.9, 'ok', 'agrees'],
    [6, 'warning', 'this machine is 6 s ahead of'],
    [-6, 'warning', 'this machine is 6 s behind'],
    [61, 'failed', 'this machine is 61 s ahead of'],
    [-7200, 'failed', 'this machine is 2 h behind'],
  ])('that differ by %d s are %s', (seconds, level, message) => {
    const found = checkClocks([reading(seconds)]);
    expect(found).toMatchObject({ level, message: expect.stringContaining(message) as string });
    if (level !== 'ok') expect(found.action).toContain('NTP');
  });

  it('are named once each where they agree', () => {
    const readings = [reading(0), reading(0, 'the deployment'), reading(1)];
    expect(checkClocks(readings).message).toBe(
      'the clock of the database agrees with that of this machine and of the deployment',
    );
  });

  it('are told by the one that differs most', () => {
    expect(checkClocks([reading(1), reading(-90, 'the deployment'), reading(20)])).toMatchObject({
      level: 'failed',
      message: expect.stringContaining('the deployment is 90 s behind') as string,
    });
  });
});

describe('migrations', () => {
  it('are all there', () => {
    expect(checkMigrations(['1', '2'], ['1', '2'])).toMatchObject({
      level: 'ok',
      message: 'the database has all 2 migrations',
    });
  });

  it.each([
    [null, 'failed', 'no history', 'npx supabase db push'],
    [['1'], 'failed', 'lacks 1 of 2 migrations: 2', 'npx supabase db push'],
    [['1', '2', '3'], 'warning', 'this folder lacks: 3', 'newest version'],
    [['1', '3'], 'failed', 'lacks 1 of 2 migrations: 2', 'npx supabase db push'],
  ])('of which %j are applied are %s', (applied, level, message, action) => {
    expect(checkMigrations(applied, ['1', '2'])).toMatchObject({
      level,
      message: expect.stringContaining(message) as string,
      action: expect.stringContaining(action) as string,
    });
  });
});
